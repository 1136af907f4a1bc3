"""Operations over REST and on the command line: begun by bulk actions, listed, watched, cancelled."""

import json
from functools import partial
from typing import Any, cast
from uuid import UUID

import anyio
import pytest
import redis
from litestar.testing import AsyncTestClient
from structlog.testing import capture_logs

from services.gateway.app import create_app
from services.gateway.cli import group, operations
from services.gateway.dashboard.item_actions import ACTIONS
from shared.config import Settings
from shared.domain.operation import IN_A_REQUEST, Kind
from shared.runtime.operations import Operations
from shared.store.operations import begin_letters
from shared.store.pool import Connection, Pool, unit_of_work
from shared.testing.jobs import start_searches
from tests.gateway.operator import TOKEN
from tests.gateway.served import served
from tests.store.given_up import ALL, fail_all

pytestmark = pytest.mark.anyio

PATH = "/api/v1/operations"
SEED = "/api/v1/monitoring/job-queues/serp/retry-dead-letter"
KEY = {"Idempotency-Key": "once"}


@pytest.fixture
async def many(conn: Connection) -> UUID:
    """A pipeline with one dead letter more than a request takes."""
    pipeline_id = await start_searches(conn, IN_A_REQUEST + 1)
    await fail_all(conn, pipeline_id)
    return pipeline_id


async def begin(pool: Pool, conn: Connection, letters: int = 2) -> int:
    """An operation on few."""
    await fail_all(conn, await start_searches(conn, letters))
    async with unit_of_work(pool) as own:
        operation = await begin_letters(own, Kind.REPLAY, ALL, actor="ada", reason="cured", least=0)
    assert operation
    return operation.operation_id


async def test_bulk_actions_on_more_than_a_request_takes_are_operations(
    client: AsyncTestClient[Any], conn: Connection, many: UUID
) -> None:
    """Replay, discard, the seed's endpoint and a retry: 202, where it is found, and nothing done yet."""
    actions: dict[str, tuple[str, dict[str, Any]]] = {
        "/api/v1/dead-letters/replay": ("replay", {"filter": {}}),
        "/api/v1/dead-letters/discard": ("discard", {"filter": {"phase": "serp_collection"}}),
        SEED: ("replay", {}),
        f"/api/v1/monitoring/pipeline/{many}/retry-failed": ("retry_failed", {"max": IN_A_REQUEST + 1}),
    }
    for path, (kind, body) in actions.items():
        answer = await client.post(path, json=body | {"actor": "ada", "reason": "cured"})
        assert answer.status_code == 202, answer.text
        operation = answer.json()
        assert (operation["kind"], operation["state"]) == (kind, "queued")
        assert (operation["matched"], operation["done"], operation["failed"]) == (IN_A_REQUEST + 1, 0, 0)
        assert (operation["actor"], operation["reason"]) == ("ada", "cured")
        assert answer.headers["location"] == f"{PATH}/{operation['operation_id']}"
        assert (await client.get(answer.headers["location"])).json() == operation
    log = (await client.get("/api/v1/audit-log", params={"operation": "discardDeadLetters"})).json()["items"]
    assert [(entry["actor"], entry["reason"], entry["status"]) for entry in log] == [("ada", "cured", 202)]


async def test_what_a_request_takes_is_done_at_once(client: AsyncTestClient[Any], many: UUID) -> None:
    """One letter fewer, and the answer says what came of it."""
    retry = f"/api/v1/monitoring/pipeline/{many}/retry-failed"
    answer = await client.post(retry, json={"max": IN_A_REQUEST})
    assert (answer.status_code, answer.json()["items"]) == (200, IN_A_REQUEST)
    answer = await client.post("/api/v1/dead-letters/discard", json={"filter": {}, "reason": "x"})
    assert (answer.status_code, answer.json()["letters"]) == (200, 1)
    assert (await client.get(PATH)).json() == {"items": [], "next_cursor": None}


async def test_one_key_begins_one_operation(client: AsyncTestClient[Any], many: UUID) -> None:
    """The second answer is the first one, with its status and its location."""
    body = {"filter": {}, "reason": "cured"}
    first, second = [
        await client.post("/api/v1/dead-letters/discard", json=body, headers=KEY) for _ in range(2)
    ]
    assert (first.status_code, first.content) == (202, second.content)
    assert second.status_code == 202
    assert first.headers["location"] == second.headers["location"]
    assert "idempotency-replayed" in second.headers
    assert len((await client.get(PATH)).json()["items"]) == 1


async def test_operations_are_paged_and_cancelled(
    client: AsyncTestClient[Any], pool: Pool, conn: Connection
) -> None:
    """The newest first, by state; a cancelled one takes no second cancel; what is none is 404."""
    ids = [await begin(pool, conn) for _ in range(3)]
    page = (await client.get(PATH, params={"limit": 2})).json()
    assert [one["operation_id"] for one in page["items"]] == ids[:0:-1]
    rest = (await client.get(PATH, params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert ([one["operation_id"] for one in rest["items"]], rest["next_cursor"]) == (ids[:1], None)

    done = await client.post(f"{PATH}/{ids[0]}/cancel", json={"actor": "ada", "reason": "enough"})
    assert (done.status_code, done.json()["state"]) == (200, "cancelled")
    assert done.json()["detail"] == "cancelled by ada: enough"
    assert (await client.post(f"{PATH}/{ids[0]}/cancel")).status_code == 409
    assert (await client.post(f"{PATH}/999/cancel")).status_code == 404
    assert (await client.get(f"{PATH}/999")).status_code == 404
    found = (await client.get(PATH, params={"in_state": "cancelled"})).json()["items"]
    assert [one["operation_id"] for one in found] == ids[:1]
    wrong = await client.get(PATH, params={"in_state": "parked"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "?in_state")


async def test_a_cancel_that_is_sent_twice_is_answered_twice(
    client: AsyncTestClient[Any], pool: Pool, conn: Connection
) -> None:
    """With one key the second answer is the first one, not that it has ended."""
    path = f"{PATH}/{await begin(pool, conn)}/cancel"
    first, second = [await client.post(path, json={"reason": "enough"}, headers=KEY) for _ in range(2)]
    assert (first.status_code, second.status_code, second.content) == (200, 200, first.content)
    assert "idempotency-replayed" in second.headers


async def test_what_is_dropped_beside_an_operation_is_logged(
    postgres_url: str, redis_url: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer tells of the operation; which dead messages were dropped, and why, is in the log."""
    monkeypatch.setitem(cast("dict[str, Any]", begin_letters.__kwdefaults__), "least", 0)
    await fail_all(conn, await start_searches(conn, 1))
    with redis.Redis.from_url(redis_url) as plain:
        plain.zadd("{landscape}:serp.XQ", {"strange": 1})
        plain.hset("{landscape}:serp.XQ.msgs", "strange", "x")

    app = create_app(Settings(postgres_url=postgres_url, redis_url=redis_url, token="t"))
    async with AsyncTestClient(app) as gateway:
        with capture_logs() as lines:
            answer = await gateway.post(SEED, headers={"Authorization": "Bearer t"})

    assert answer.status_code == 202
    (dropped,) = [line for line in lines if line["event"] == "bare_message_dropped"]
    assert (dropped["message_id"], dropped["why"]) == ("strange", "it is no message of ours")


@pytest.mark.parametrize("name", ["replay", "discard", "retry-failed", "retry-queue"])
async def test_dashboard_and_command_line_say_that_an_operation_does_it(name: str) -> None:
    """Whatever was asked for; what is done at once is told as ever."""
    begun = {"operation_id": 7, "matched": 12_000}
    (action,) = [action for action in ACTIONS if action.name == name]
    assert action.done(begun) == "Operation 7 does it for 12,000; it goes on by itself."
    assert "landscape operations watch 7" in str(operations.begun(begun))
    assert operations.begun({"letters": 1}) is None


async def test_the_command_line_lists_watches_and_cancels(
    postgres_url: str,
    pool: Pool,
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For people and as JSON; watching ends with the operation, and its exit code says how that went."""

    async def landscape(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as done:
            await anyio.to_thread.run_sync(partial(group.main, list(words)))
        assert done.value.code == code, capsys.readouterr().err
        return capsys.readouterr().out

    cancelled, completed = str(await begin(pool, conn)), str(await begin(pool, conn))
    with served(postgres_url) as url:
        monkeypatch.setenv("LANDSCAPE_URL", url)
        monkeypatch.setenv("LANDSCAPE_TOKEN", TOKEN)
        assert (await landscape("operations", "show", completed)).startswith(f"{completed:>6}  replay")
        told = await landscape("operations", "cancel", cancelled, "--yes", "--reason", "enough")
        assert "cancelled" in told
        assert "enough" in told
        while await Operations(pool).step():
            pass
        watched = json.loads(await landscape("operations", "watch", completed, "--json"))
        assert (watched["state"], watched["done"]) == ("completed", watched["matched"])
        await landscape("operations", "watch", cancelled, code=1)
        listed = await landscape("operations", "list", "-o", "ids", "--state", "completed")
        assert listed.split() == [completed]
        page = json.loads(await landscape("operations", "list", "--json"))
        assert [one["state"] for one in page["items"]] == ["completed", "cancelled"]
