"""Circuit breakers over the API: how they are, who holds them, and what an order changes."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.cli.breakers import render
from shared.domain.breaker import ORDER_STEP, Breaker, BreakerPolicy, BreakerState
from shared.domain.phases import SERVICES
from shared.store.breakers import count_breaker, get_breaker, save_breaker
from shared.store.leases import take_lease
from shared.store.pool import Connection
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

PATH = "/api/v1/monitoring/circuit-breakers"
OPEN = Breaker(
    BreakerState.OPEN, 3, 10, 0, 1_795_600_000_000_000, 1_795_600_300_000_000, 1_795_600_000_000_000, trips=2
)
HISTORY = "SELECT state, forced, actor, reason FROM breaker_changes ORDER BY epoch"


async def opened(conn: Connection, service: str = "serp") -> None:
    """It has opened by itself, 300 s ago or not."""
    await save_breaker(conn, service, OPEN, actor="breaker", reason="10 calls in a row failed")


async def test_every_service_has_one(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Closed, as long as nothing is on record."""
    await opened(conn, "media")
    await count_breaker(conn, "media", OPEN, BreakerPolicy(5, 300.0), BreakerPolicy())
    items = (await client.get(PATH)).json()["items"]
    assert [item["service"] for item in items] == list(SERVICES)
    states = {item["service"]: item["state"] for item in items}
    assert states == dict.fromkeys(SERVICES, "closed") | {"media": "open"}
    media = next(item for item in items if item["service"] == "media")
    assert media["reopen_at"] == "2026-11-25T09:51:40Z"
    assert media["failures"] == 10
    assert (media["actor"], media["reason"], media["forced"]) == (
        "breaker",
        "10 calls in a row failed",
        False,
    )
    assert (media["failure_threshold"], media["success_threshold"], media["timeout_seconds"]) == (5, 5, 300.0)


@pytest.mark.parametrize("name", ["serp", "scale_serp_api", "scale_serp"])
async def test_the_seeds_reset_needs_no_body(
    client: AsyncTestClient[Any], conn: Connection, name: str
) -> None:
    """By our names and by the seed's; the workers take over what has the higher epoch."""
    await opened(conn)
    answer = await client.post(f"{PATH}/{name}/reset")
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    known = await get_breaker(conn, "serp")
    assert known
    assert (known.state, known.epoch, known.forced) == (BreakerState.CLOSED, 3 + ORDER_STEP, False)
    assert (await fetch(conn, HISTORY))[-1] == ("closed", False, "api", "")


async def test_holding_is_written_down_with_who_and_why(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Open, closed, and left to itself again; each in the history, the newest first."""
    for action, body in (
        ("open", {"reason": "their maintenance", "actor": "ann"}),
        ("close", {"reason": "their status page lies"}),
        ("reset", {"reason": "over"}),
    ):
        answer = await client.post(f"{PATH}/llm/{action}", json=body, headers={"X-Actor": "bob"})
        assert answer.status_code == 200, answer.text
    detail = (await client.get(f"{PATH}/openai")).json()
    assert detail["breaker"]["service"] == "llm"
    lines = [(c["state"], c["forced"], c["actor"], c["reason"]) for c in detail["changes"]]
    assert lines == [
        ("closed", False, "bob", "over"),
        ("closed", True, "bob", "their status page lies"),
        ("open", True, "ann", "their maintenance"),
    ]
    assert (await client.get(PATH)).json()["items"][SERVICES.index("llm")]["epoch"] == 3 * ORDER_STEP


@pytest.mark.parametrize(
    ("action", "content", "status", "pointer"),
    [
        ("open", b"{}", 422, "/reason"),
        ("open", b'{"reason": " "}', 422, "/reason"),
        ("close", b'{"reason": "x", "who": "me"}', 422, "/who"),
        ("close", b'{"reason": "x", "actor": "a\\u0000"}', 422, "/actor"),
        ("open", b"", 400, ""),
        ("reset", b"{", 400, ""),
        ("reset", b'{"reason": 1}', 422, "/reason"),
    ],
)
async def test_a_wrong_order_changes_nothing(
    client: AsyncTestClient[Any], conn: Connection, *, action: str, content: bytes, status: int, pointer: str
) -> None:
    """And says what is wrong."""
    answer = await client.post(f"{PATH}/serp/{action}", content=content)
    assert answer.status_code == status
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await fetch(conn, HISTORY) == []


def test_the_command_line_says_it_in_a_line() -> None:
    """What it is, who holds it, until when and why."""
    closed: dict[str, Any] = {
        "service": "llm",
        "state": "closed",
        "forced": False,
        "failures": 0,
        "reason": "",
        "edited": [],
    }
    assert render(closed) == "llm         closed"
    assert render(closed | {"failures": 3}) == "llm         closed     3 calls in a row failed"
    assert render(closed | {"edited": ["probes"]}) == "llm         closed     probes set by an operator"
    held = closed | {"forced": True, "actor": "ann", "reason": "they are well"}
    assert render(held) == "llm         closed     held by ann; they are well"
    tried = held | {"state": "open", "forced": False, "reopen_at": "2026-11-25T09:51:40Z", "reason": "down"}
    assert render(tried) == "llm         open       tried out at 2026-11-25T09:51:40Z; down"


async def test_an_unknown_service_is_not_found(client: AsyncTestClient[Any], conn: Connection) -> None:
    """With the nearest name."""
    for method, path in (("POST", "srep/reset"), ("POST", "srep/open"), ("GET", "srep")):
        answer = await client.request(method, f"{PATH}/{path}", json={"reason": "x"})
        assert (answer.status_code, "serp" in answer.json()["detail"]) == (404, True)
    assert await fetch(conn, HISTORY) == []


async def test_closing_lets_what_waited_go_on(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Items that wait for the breaker are due at once, those that wait for something else are not."""
    await opened(conn)
    await conn.execute(
        "INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at) SELECT gen_random_uuid(), n,"
        " 'serp_collection', r, now() + interval '5 min' FROM unnest(ARRAY['breaker', 'quota']) WITH ORDINALITY AS t (r, n)"
    )
    await client.post(f"{PATH}/serp/open", json={"reason": "x"})
    assert await fetch(conn, "SELECT reason FROM waiting WHERE next_at <= now()") == []
    await client.post(f"{PATH}/serp/reset")
    assert await fetch(conn, "SELECT reason FROM waiting WHERE next_at <= now()") == ["breaker"]


async def test_an_open_breaker_is_a_reason_for_degraded_health(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Once, and not as items that nobody works on."""
    await take_lease(conn, "serp", "worker-1", 30)
    assert (await client.get("/api/v1/monitoring/health")).json()["status"] == "healthy"
    await opened(conn)
    health = (await client.get("/api/v1/monitoring/health")).json()
    assert health["status"] == "degraded"
    assert health["reasons"] == ["the circuit breaker of serp is open: 10 calls in a row failed"]
    assert [breaker["state"] for breaker in health["breakers"]] == ["open"]
