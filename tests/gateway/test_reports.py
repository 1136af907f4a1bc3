"""Report and audit of a pipeline over HTTP."""

import csv
import io
from typing import Any

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from shared.domain.results import AnalysisResult, CompanyResult, Score, VolumeResult
from shared.store.pool import Connection
from shared.testing.pipelines import finish_pipeline, start_pipeline

pytestmark = pytest.mark.anyio

COMPANY = {"name": "Acme & Söhne <b>", "domains": ["acme.com"]}
#: What other phases recorded, by phase and key.
RESULTS: dict[str, dict[str, msgspec.Struct]] = {
    "keyword_metrics": {
        '["some thing","US"]': VolumeResult(volume=100),
        '["b","US"]': VolumeResult(volume=20),
        '["c","US"]': VolumeResult(),
    },
    "company_enrichment": {
        "acme.com": CompanyResult(matched=False),
        "rival.example": CompanyResult(
            True, name="Rival Ltd", industries=("Retail",), description="Sells.", technologies=("CDN",)
        ),
    },
    "content_analysis": {
        "acme.com/a": AnalysisResult(
            "m", "h", "1", {"persona:Buyer": Score(8.0, 9.0, "quote")}, journey_phase="Validation"
        ),
        "rival.example/b": AnalysisResult("m", "h", "1", {"persona:Buyer": Score(None, 9.0)}),
    },
}


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
    assert [(row["company"], row["role"]) for row in overall[:2]] == [
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
    """The same rows give the same report, also when it is computed again."""
    pipeline_id = await start_pipeline(conn, keywords=["a", "b", "c"])
    await finish_pipeline(conn, pipeline_id)
    path = f"/api/v1/pipeline/{pipeline_id}/report"
    first = (await client.get(path)).json()
    await conn.execute("DELETE FROM kept_reports")
    second = (await client.get(path)).json()
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


async def test_the_report_shows_what_every_phase_recorded(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Volumes weigh the searches, matches name the companies, analyses make the index."""
    pipeline_id = await start_pipeline(
        conn,
        keywords=["Some  Thing", "b", "c"],
        company=COMPANY,
        personas=[{"name": "Buyer"}],
        landscapes=[{"name": "All", "keywords": ["some thing", "b", "c"]}],
    )
    await finish_pipeline(conn, pipeline_id)
    for phase, results in RESULTS.items():
        for key, result in results.items():
            await conn.execute(
                "WITH item AS (INSERT INTO items (pipeline_id, phase, key, input) VALUES (%s, %s, %s, '{}')"
                " RETURNING item_id) INSERT INTO results (pipeline_id, item_id, phase, payload, facts)"
                " SELECT %s, item_id, %s, %s, '[]' FROM item",
                (pipeline_id, phase, key, pipeline_id, phase, msgspec.json.encode(result).decode()),
            )
    report = (await client.get(f"/api/v1/pipeline/{pipeline_id}/report")).json()
    (acme, rival) = [
        row
        for row in report["companies"]
        if (row["landscape"], row["region"], row["content_type"]) == ("All", None, "organic")
    ][:2]
    assert report["method"]["weights"] == "volume"
    assert [(cover["known"], cover["monthly_searches"]) for cover in report["coverage"]["volumes"]] == [
        (2, 120)
    ]
    assert (rival["name"], rival["matched"], rival["industries"]) == ("Rival Ltd", True, ["Retail"])
    assert (acme["name"], acme["matched"], acme["relevance"]) == (COMPANY["name"], False, 0.8)
    assert acme["expected_clicks"] == pytest.approx(120 * 0.342)  # nothing stands beside the results
    assert acme["dsi_rank"] == 1
    assert rival["dsi"] is None
    assert {page["journey_phase"] for page in report["pages"] if page["domain"] == "acme.com"} == {
        "Validation"
    }
    assert {row["volume"] for row in report["keywords"]} == {20, 100, None}


@pytest.mark.parametrize("table", ["companies", "pages", "videos", "keywords", "gaps"])
async def test_each_table_is_a_download(client: AsyncTestClient[Any], conn: Connection, table: str) -> None:
    """A CSV file named after it, with the fields of the JSON for a header."""
    pipeline_id = await start_pipeline(conn, company=COMPANY)
    await finish_pipeline(conn, pipeline_id)
    path = f"/api/v1/pipeline/{pipeline_id}/report"
    answer = await client.get(f"{path}?format=csv&table={table}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{table}.csv"'
    rows = (await client.get(path)).json()[table]
    header, *lines = csv.reader(io.StringIO(answer.text, newline=""))
    assert len(lines) == len(rows)
    assert not rows or header == list(rows[0])
    assert (await client.get(f"{path}?table={table}")).text == answer.text


async def test_csv_is_of_the_companies_unless_it_says_otherwise(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """The table most people want."""
    pipeline_id = await start_pipeline(conn)
    answer = await client.get(f"/api/v1/pipeline/{pipeline_id}/report?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="companies.csv"'
    assert answer.text.startswith("company,name,domains,")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("format=csv&table=prices", "?table"),
        ("format=json&table=pages", "?table"),
        ("format=html&table=pages", "?table"),
        ("format=docx", "?format"),
    ],
)
async def test_a_form_that_does_not_exist_is_a_problem(
    client: AsyncTestClient[Any], conn: Connection, query: str, pointer: str
) -> None:
    """An unknown table, an unknown form, or a table of a form that has all of them."""
    pipeline_id = await start_pipeline(conn)
    answer = await client.get(f"/api/v1/pipeline/{pipeline_id}/report?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


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
