"""Report and audit of a pipeline over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from shared.store.pool import Connection
from shared.testing.pipelines import finish_pipeline, start_pipeline

pytestmark = pytest.mark.anyio

COMPANY = {"name": "Acme & Söhne <b>", "domains": ["acme.com"]}


@pytest.fixture
async def conn(postgres_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def client(postgres_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    app = create_app(Settings(postgres_url=postgres_url, token="t"))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        test_client.headers["Authorization"] = "Bearer t"
        yield test_client


async def test_a_finished_pipeline_has_a_final_report(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Shares of voice of what ranked, complete coverage, and whose domain is whose."""
    pipeline_id = await start_pipeline(conn, company=COMPANY, regions=["US", "DE"])
    await finish_pipeline(conn, pipeline_id)
    answer = await client.get(f"/api/v1/pipeline/{pipeline_id}/report")
    assert answer.headers["content-type"] == "application/json"
    report = answer.json()
    assert (report["meta"]["final"], report["coverage"]["complete"]) == (True, True)
    overall = [
        row for row in report["companies"] if row["region"] is None and row["content_type"] == "organic"
    ]
    assert [(row["domain"], row["role"]) for row in overall[:2]] == [
        ("acme.com", "client"),
        ("rival.example", "other"),
    ]
    assert sum(row["share_of_voice"] for row in overall) == pytest.approx(1)
    assert {row["views"] for row in report["videos"]} == {1000}


async def test_an_open_pipeline_states_what_is_missing(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """A report is there at any time; nothing completed is an unknown share, not 0."""
    pipeline_id = await start_pipeline(conn, company=COMPANY)
    report = (await client.get(f"/api/v1/pipeline/{pipeline_id}/report")).json()
    assert (report["meta"]["final"], report["coverage"]["complete"]) == (False, False)
    assert report["coverage"]["phases"][0]["open"] == 3
    assert {row["share_of_voice"] for row in report["companies"]} == {None}


async def test_two_reports_differ_in_their_meta_only(client: AsyncTestClient[Any], conn: Connection) -> None:
    """The same rows give the same report."""
    pipeline_id = await start_pipeline(conn, keywords=["a", "b", "c"])
    await finish_pipeline(conn, pipeline_id)
    first, second = [(await client.get(f"/api/v1/pipeline/{pipeline_id}/report")).json() for _ in range(2)]
    assert first.pop("meta") != second.pop("meta")
    assert first == second


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", "*/*", "application/json"),
        ("", "application/json, text/html;q=0.5", "application/json"),
        ("", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("?format=html", "*/*", "text/html; charset=utf-8"),
        ("?format=json", "text/html", "application/json"),
    ],
)
async def test_people_get_a_page_and_programs_get_json(
    client: AsyncTestClient[Any], conn: Connection, query: str, accept: str, media_type: str
) -> None:
    """By the Accept header, unless ?format= says otherwise."""
    pipeline_id = await start_pipeline(conn)
    answer = await client.get(f"/api/v1/pipeline/{pipeline_id}/report{query}", headers={"Accept": accept})
    assert answer.headers["content-type"] == media_type
    assert answer.headers["vary"] == "Accept"


async def test_the_page_can_do_nothing(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Names from outside are text, and a policy forbids scripts and requests."""
    pipeline_id = await start_pipeline(conn, company=COMPANY)
    await finish_pipeline(conn, pipeline_id)
    answer = await client.get(f"/api/v1/pipeline/{pipeline_id}/report?format=html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Acme &amp; Söhne &lt;b&gt;" in answer.text
    assert "<b>" not in answer.text


async def test_the_audit_is_given_with_its_evidence(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Passed for a sound record; after damage failed, naming the check and an example."""
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    path = f"/api/v1/pipeline/{pipeline_id}/audit"
    assert (await client.get(path)).json()["passed"] is True
    await conn.execute("DELETE FROM results WHERE item_id = (SELECT max(item_id) FROM results)")
    report = (await client.get(path)).json()
    assert report["passed"] is False
    (failed,) = [check for check in report["checks"] if not check["passed"]]
    assert (failed["name"], failed["expected"], failed["actual"]) == ("results", 0, 1)
    assert "has no result" in failed["detail"]
