"""Starting pipelines over HTTP: the seed's own commands, refusals that start nothing, and reading back."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import BODY_BYTES, create_app
from shared.config import Provider, Settings
from tests.gateway.operator import TOKEN

pytestmark = pytest.mark.anyio

SEED = {"keywords": ["test"], "regions": ["US"]}
START = "/api/v1/pipeline/start"


def pipelines(postgres_url: str) -> int:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("SELECT count(*) FROM pipelines").fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def served(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """The gateway as a process of its own, on a free port."""
    environment = os.environ | {"LANDSCAPE_POSTGRES_URL": postgres_url, "LANDSCAPE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "uvicorn", "--factory", "services.gateway.app:create_app", "--port", "0"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield listening(process, log)
    finally:
        process.kill()
        process.wait()


def listening(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 30
    while "running on http" not in (text := log.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < deadline, text
        time.sleep(0.02)
    return "http" + text.partition("running on http")[2].split()[0]


async def test_the_seeds_curl_commands_work(served: str) -> None:
    """Start, health and progress, as the seed's manual test types them, but for host and token."""

    def curl(*arguments: str) -> str:
        finished = subprocess.run(["curl", "-sS", *arguments], capture_output=True, text=True, check=True)
        return finished.stdout

    authorization = ("-H", f"Authorization: Bearer {TOKEN}")
    body = ("-H", "Content-Type: application/json", "-d", '{"keywords": ["test"], "regions": ["US"]}')
    started = curl("-X", "POST", served + START, *authorization, *body)
    pipeline_id = httpx.Response(201, text=started).json()["pipeline_id"]
    health = httpx.Response(200, text=curl(f"{served}/api/v1/monitoring/health", *authorization)).json()
    assert health["database"] == "ok"
    progress = curl(f"{served}/api/v1/monitoring/pipeline/{pipeline_id}/progress", *authorization)
    phases = {phase["phase"]: phase for phase in httpx.Response(200, text=progress).json()["phases"]}
    assert phases["serp_collection"]["pending"] == 3


async def test_a_start_answers_what_was_made_of_it(client: AsyncTestClient[Any]) -> None:
    """201 with the id, the number of searches, what was merged, and links that lead somewhere."""
    answer = await client.post(START, json={"keywords": ["A b", "a  B", "c"], "regions": ["uk", "GB"]})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["items"]) == ("running", 6)
    assert body["merged"] == [{"keyword": "a B", "into": "A b"}]
    assert body["warnings"]
    assert answer.headers["location"] == body["links"]["self"]
    assert set(body["links"]) == {"self", "progress", "report", "report_html", "audit"}
    for link in body["links"].values():
        assert (await client.get(link)).status_code == 200


async def test_pipelines_are_listed_and_shown(client: AsyncTestClient[Any]) -> None:
    """The newest first, and one with its frozen configuration."""
    first, second = [(await client.post(START, json=SEED)).json()["pipeline_id"] for _ in range(2)]
    listed = (await client.get("/api/v1/pipeline")).json()["items"]
    assert [row["pipeline_id"] for row in listed] == [second, first]
    # Three searches, one volume, and the figures of the whole.
    assert listed[0]["items"] == listed[0]["open"] == 5
    assert len((await client.get("/api/v1/pipeline?limit=1")).json()["items"]) == 1
    shown = (await client.get(f"/api/v1/pipeline/{first}")).json()
    assert shown["config"]["keywords"] == [{"keyword": "test"}]
    assert shown["config"]["data_source"] == "providers"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"keywords": ["a", "", "b"], "regions": ["US", "XX"]}', (422, "input", {"/keywords/1", "/regions/1"})),
        (b'{"keywords": ["a"], "regions": ["US"], "webhook": []}', (422, "input", {"/webhook"})),
        (b'{"keywords": ["a"], "regions": ["US"]', (400, "malformed", {""})),
        (b"", (400, "malformed", {""})),
        (b"keywords=a&regions=US", (400, "malformed", {""})),
        (b'{"keywords": ["a\\u0000"], "regions": ["US"]}', (422, "input", {"/keywords/0"})),
        (b'{"keywords": ["a"], "regions": ["US"], "config": {"freshness": {"serp": 1e308}}}', (422, "input", {"/config/freshness/serp"})),
    ],
)  # fmt: skip
async def test_a_bad_body_is_one_problem_and_starts_nothing(
    client: AsyncTestClient[Any], postgres_url: str, content: bytes, expected: tuple[int, str, set[str]]
) -> None:
    """It names every wrong field; the record stays as it was."""
    status, kind, pointers = expected
    answer = await client.post(START, content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"]) == (f"/errors/{kind}", status)
    assert {error["pointer"] for error in problem["errors"]} == pointers
    assert pipelines(postgres_url) == 0


async def test_a_body_beyond_the_limit_is_refused(served: str, postgres_url: str) -> None:
    """Whether it says its length beforehand or not."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES // 2**20 + 1):
            yield b" " * 2**20

    async with httpx.AsyncClient(base_url=served, headers={"Authorization": f"Bearer {TOKEN}"}) as real:
        for content in (b" " * (BODY_BYTES + 1), chunks()):
            answer = await real.post(START, content=content, timeout=60)
            assert answer.status_code == 413
            assert answer.json()["type"] == "/errors/too_large"
    assert pipelines(postgres_url) == 0


async def test_a_start_that_fails_in_the_middle_leaves_nothing(
    client: AsyncTestClient[Any], postgres_url: str
) -> None:
    """The database refuses the last step: no part of the pipeline stays, and the answer gives nothing away."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("ALTER TABLE counters ADD CHECK (phase <> 'serp_collection')")
    answer = await client.post(START, json=SEED)
    assert answer.status_code == 500
    assert answer.json()["type"] == "/errors/internal"
    assert "counters" not in answer.text
    assert pipelines(postgres_url) == 0


async def test_an_old_schema_is_told_before_anything_is_written(
    client: AsyncTestClient[Any], postgres_url: str
) -> None:
    """503 that says what to run."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DELETE FROM schema_migrations")
    answer = await client.post(START, json=SEED)
    assert (answer.status_code, answer.json()["type"]) == (503, "/errors/schema")
    assert "landscape migrate" in answer.json()["detail"]


async def test_a_big_start_does_not_block_other_requests(served: str) -> None:
    """While 60,000 searches are read and recorded, the process answers."""
    body = {"keywords": [f"keyword {n}" for n in range(20_000)], "regions": ["US"]}
    async with httpx.AsyncClient(base_url=served, headers={"Authorization": f"Bearer {TOKEN}"}) as real:
        start = asyncio.create_task(real.post(START, json=body, timeout=60))
        answered, slowest = 0, 0.0
        while not start.done():
            asked = time.perf_counter()
            assert (await real.get("/livez")).status_code == 200
            slowest = max(slowest, time.perf_counter() - asked)
            answered += 1
        assert (await start).json()["items"] == 60_000
    assert answered > 5
    assert slowest < 1


async def test_pipelines_started_against_a_simulator_say_so(postgres_url: str) -> None:
    """A provider's address that is not the built-in one stands for simulated answers."""
    settings = Settings(
        postgres_url=postgres_url, token=TOKEN, providers={"serp": Provider(base_url="http://127.0.0.1:9/x")}
    )
    async with AsyncTestClient(create_app(settings)) as simulated:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        links = (await simulated.post(START, json=SEED, headers=headers)).json()["links"]
        shown = (await simulated.get(links["self"], headers=headers)).json()
        assert shown["config"]["data_source"] == "simulator"
        report = (await simulated.get(links["report"], headers=headers)).json()
        assert report["meta"]["data_source"] == "simulator"
