"""Why things do not go on, over HTTP: planted states of every kind, each item's answer held against the raw rows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from services.gateway.cli import group
from services.gateway.cli.why import render
from services.media.provider import PROVIDER as MEDIA
from services.serp.provider import PROVIDER as SERP
from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.config import Settings
from shared.domain.breaker import Order
from shared.domain.gate import GatePolicy
from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.domain.provider import Provider
from shared.store import control
from shared.store.breakers import describe_service, order_breaker
from shared.store.control import Act
from shared.store.jobs import Claim, complete_job
from shared.store.leases import take_lease
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import dump
from tests.gateway.operator import TOKEN
from tests.resilience.oracle import truths

pytestmark = pytest.mark.anyio

ACT = Act("ada", "too dear")
UNKNOWN = "00000000-0000-0000-0000-000000000000"
SERVICES: tuple[Provider, ...] = (SERP, MEDIA)


@pytest.fixture
async def client(postgres_url: str, redis_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    """Of a gateway that sees Redis."""
    app = create_app(Settings(postgres_url=postgres_url, redis_url=redis_url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        test_client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield test_client


@pytest.fixture
async def alive(conn: Connection) -> None:
    """Workers of both services, and of housekeeping, have begun."""
    for provider in SERVICES:
        await describe_service(conn, provider, 2.0)
    for name in ("serp", "media", "housekeeping"):
        await take_lease(conn, name, "w", 60)


async def ask(client: AsyncTestClient[Any], path: str, **params: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def hold_against_rows(client: AsyncTestClient[Any], postgres_url: str, redis_url: str) -> set[str]:
    """Every open item's answer names the gate its rows say; the gates there are."""
    expected = truths(postgres_url, redis_url)
    found = {}
    for pipeline_id, phase, key in expected:
        answer = await ask(client, f"pipeline/{pipeline_id}/items/{phase}/why", key=key)
        found[pipeline_id, phase, key] = answer["gate"]
    assert found == {item: truth.gate for item, truth in expected.items()}
    return set(found.values())


async def searches(conn: Connection, number: int, **config: Any) -> UUID:
    return await start_pipeline(
        conn, keywords=[f"k{n}" for n in range(number)], content_types=["organic"], config=config
    )


async def put_to_wait(conn: Connection, held: Claim, *waits: tuple[str, float]) -> None:
    """One item of the job after the other, with these reasons and seconds; the job is over."""
    endings = [
        Ending(
            held.pipeline_id,
            item.item_id,
            held.job_id,
            held.phase,
            "pending",
            0,
            seconds,
            reason,
            last_error="refused",
        )
        for item, (reason, seconds) in zip(held.items, waits, strict=True)
    ]
    async with conn.transaction():
        await record(conn, [Record(ending=ending) for ending in endings])
        await complete_job(conn, held.job_id, held.fence)


@pytest.mark.usefixtures("alive")
async def test_every_planted_wait_is_named_as_its_rows_say(
    client: AsyncTestClient[Any], conn: Connection, postgres_url: str, redis_url: str
) -> None:
    """All reasons of a wait, one that is over, due items, items in a job, in hand, and in hand of nobody."""
    reasons = ["retry", "rate", "concurrency", "breaker", "quota", "budget", "account", "paused", "shutdown"]
    pipeline_id = await searches(conn, len(reasons) + 1)
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    await put_to_wait(conn, held, *((reason, 600.0) for reason in reasons), ("retry", 0.001))
    other = await searches(conn, 8)
    await dispatch(conn, other, 2)
    assert await claim(conn, await dispatch(conn, other, 2))
    assert await claim(conn, await dispatch(conn, other, 2), lease_seconds=-1)

    gates = await hold_against_rows(client, postgres_url, redis_url)

    assert gates == {*reasons, "turn", "working", "lease"}


@pytest.mark.usefixtures("alive")
async def test_gates_of_the_provider_are_read_from_redis(
    client: AsyncTestClient[Any], conn: Connection, postgres_url: str, redis_url: str
) -> None:
    """A hold until the quota is back, with that moment; a breaker that is held open stands before it, and outlives Redis."""
    pipeline_id = await searches(conn, 3)
    redis = build_async_client(redis_url)
    gate = Gate(redis, SERP.name, GatePolicy.of(SERP.limits, 2.0, SERP.breaker))
    await gate.start()
    gate.hold(7200, "quota")
    await gate.look()
    try:
        assert await hold_against_rows(client, postgres_url, redis_url) == {"quota"}
        found = await ask(client, f"pipeline/{pipeline_id}/why")
        until = datetime.fromisoformat(found["until"])
        assert abs(until - datetime.now(UTC) - timedelta(seconds=7200)) < timedelta(seconds=30)
        assert (await ask(client, "monitoring/services/scale_serp_api/why"))["gate"] == "quota"

        async with conn.transaction():
            await order_breaker(conn, "serp", Order.OPEN, actor="ada", reason="they asked us to")
        service = await ask(client, "monitoring/services/serp/why")
        assert (service["gate"], service["until"], service["command"]) == (
            "breaker",
            None,
            "landscape breakers reset serp",
        )
        assert service["reason"].endswith("held open: they asked us to")
        assert [one["gate"] for one in service["also"]] == ["quota"]
    finally:
        await gate.close()
        await redis.aclose(close_connection_pool=True)


@pytest.mark.usefixtures("alive")
async def test_pauses_missing_workers_and_phases_that_wait_for_others(
    client: AsyncTestClient[Any], conn: Connection, postgres_url: str, redis_url: str
) -> None:
    """Videos linger for company while searches are open; the figures wait for everything; then somebody pauses it."""
    phases = [SERP_COLLECTION, VIDEO_ENRICHMENT, "dsi_calculation"]
    pipeline_id = await searches(conn, 4, phases=phases)
    held = await claim(conn, await dispatch(conn, pipeline_id, 2))
    assert held
    await record_all(conn, held)
    await conn.execute("UPDATE ready SET due_at = now() + interval '8 s'")
    assert await hold_against_rows(client, postgres_url, redis_url) == {"turn", "linger", "upstream"}
    await conn.execute("DELETE FROM leases WHERE name = 'media'")
    assert await hold_against_rows(client, postgres_url, redis_url) == {"turn", "worker", "upstream"}
    await conn.execute("UPDATE pipelines SET item_caps = '{\"video_enrichment\": 1}'")
    await take_lease(conn, "media", "w", 60)
    assert await hold_against_rows(client, postgres_url, redis_url) == {"turn", "upstream"}
    async with conn.transaction():
        await control.pause(conn, pipeline_id, ACT)
    assert await hold_against_rows(client, postgres_url, redis_url) == {"paused"}
    found = await ask(client, f"pipeline/{pipeline_id}/why")
    assert (found["state"], found["gate"], found["command"]) == (
        "paused",
        "paused",
        f"landscape unpause {pipeline_id}",
    )
    assert found["sentence"].startswith(
        f"pipeline {pipeline_id} is paused: the pipeline was paused by ada: too dear, since"
    )


@pytest.mark.usefixtures("alive")
async def test_an_ended_item_says_what_it_ended_with(client: AsyncTestClient[Any], conn: Connection) -> None:
    """A dead letter with the command that replays it; completed ones are finished."""
    pipeline_id = await searches(conn, 2)
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    dead = Ending(
        held.pipeline_id, held.items[0].item_id, held.job_id, held.phase, "failed", 1,
        error_category="recoverable", last_error="busy",
    )  # fmt: skip
    async with conn.transaction():
        await record(conn, [Record(ending=dead)])
    path = f"pipeline/{pipeline_id}/items/serp_collection/why"
    found = await ask(client, path, key=held.items[0].key)
    assert (found["gate"], found["reason"]) == ("dead_letter", "recoverable after 1 attempts: busy")
    assert found["command"].startswith("landscape dead-letters replay ")
    assert (await ask(client, path, key='["k1", "US", "organic"]'))["gate"] == "working", (
        "blanks do not matter"
    )


@pytest.mark.parametrize(
    ("path", "params", "status", "says"),
    [
        (f"pipeline/{UNKNOWN}/why", {}, 404, "there is no pipeline"),
        (f"pipeline/{UNKNOWN}/items/serp_collection/why", {"key": "k"}, 404, "there is no pipeline"),
        ("pipeline/{}/items/serp_collection/why", {"key": "k"}, 404, "has no item k in serp_collection"),
        ("pipeline/{}/items/serp_colection/why", {"key": "k"}, 404, "serp_collection"),
        ("pipeline/{}/items/serp_collection/why", {}, 422, "key"),
        ("pipeline/{}/items/serp_collection/why", {"key": "a\0b"}, 422, "?key"),
        ("monitoring/services/serb/why", {}, 404, "serp"),
    ],
)
async def test_what_is_unknown_is_said_so(
    client: AsyncTestClient[Any],
    conn: Connection,
    *,
    path: str,
    params: dict[str, str],
    status: int,
    says: str,
) -> None:
    """A problem that names it, and nothing is changed."""
    pipeline_id = await searches(conn, 1)
    before = await dump(conn)
    answer = await client.get(f"/api/v1/{path.format(pipeline_id)}", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.text
    assert await dump(conn) == before


def test_the_command_prints_the_sentence_and_what_to_do() -> None:
    """And what stands behind it."""
    found = {
        "sentence": "serp is waiting: no worker of serp is alive.",
        "what_to_do": "start a worker",
        "command": "landscape worker serp",
        "also": [{"gate": "quota", "reason": "used up"}],
    }
    assert render(found).splitlines() == [
        "serp is waiting: no worker of serp is alive.",
        "  to do: start a worker",
        "  landscape worker serp",
        "  also quota: used up",
    ]


@pytest.mark.parametrize("words", [["p", "--phase", "serp_collection"], ["p", "--service", "serp"]])
def test_half_a_question_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked."""
    with pytest.raises(SystemExit) as end:
        group.main(["why", *words])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")
