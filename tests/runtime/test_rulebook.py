"""The rules a worker goes by: those in the record, live while it runs, and its own where the record says nothing."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from shared.broker.build import RedisBroker
from shared.config import Exposition, Provider, Settings
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.error_rule import RuleData
from shared.domain.item import Item
from shared.domain.provider import Call, Outcome
from shared.domain.retry import RetryPolicy
from shared.errors import StatusError
from shared.runtime.rulebook import Declaring, Rulebook
from shared.runtime.worker import WorkerProcess
from shared.store.error_rules import RuleRow, add_rule, edit_rule, find_rules
from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.jobs import dispatch, start_searches
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker

pytestmark = pytest.mark.anyio

C = ErrorCategory
WHO = {"actor": "ann", "reason": "seen in the log"}
#: Within which an edit must be live.
LIVE_SECONDS = 5.0
ENDING = (
    "SELECT state, attempts, wait_reason, error_category FROM pipeline_state ORDER BY item_id DESC LIMIT 1"
)
HISTORY = "SELECT attempt, category, status, error, delay_seconds FROM retry_history"


@pytest.fixture
def provider() -> ScriptedProvider:
    """Answers 503, which it declares to be a refused account."""
    retry = RetryPolicy(attempts=3, base_seconds=60.0, jitter=0.0)
    scripted = ScriptedProvider(errors=(ErrorRule(C.ACCOUNT, status=503, attempts=2),), retry=retry)

    async def refuse(_: list[str]) -> httpx.Response:
        return httpx.Response(503, json={"message": "busy"})

    scripted.reply = refuse
    return scripted


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider) as worker:
        await Declaring(worker.pool, provider.provider).round()
        yield worker


def error(status: int = 503, body: str = "") -> StatusError:
    return StatusError("x", status=status, body=body)


async def edit(conn: Connection, row: RuleRow, **changes: Any) -> None:
    await edit_rule(conn, row.rule_id, msgspec.structs.replace(row.data, **changes), **WHO)


def means(rulebook: Rulebook, category: str) -> bool:
    return rulebook.categorize(error()).category == category


async def work(worker: Worker, conn: Connection) -> Any:
    """How a search of a new pipeline ends."""
    await conn.execute("UPDATE pipelines SET state = 'completed', ended_at = now()")
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 1)))
    (ending,) = await fetch(conn, ENDING)
    return ending


async def test_before_the_record_has_rules_the_providers_own_hold(
    conn: Connection, provider: ScriptedProvider
) -> None:
    """At the first start of an installation, until its leader has declared them."""
    rulebook = Rulebook(provider.provider)
    assert rulebook.categorize(error()).category is C.ACCOUNT
    await rulebook.refresh(conn)
    assert rulebook.categorize(error()).category is C.ACCOUNT


async def test_rules_of_the_record_hold_once_they_are_read(worker: Worker, conn: Connection) -> None:
    """Edited, disabled, added; behind them the general ones."""
    rulebook = worker.rulebook
    (row,) = await find_rules(conn)
    steps: list[tuple[dict[str, Any], ErrorCategory]] = [
        ({"category": "quota"}, C.QUOTA),
        ({"enabled": False}, C.RECOVERABLE),
        ({"status": 404}, C.RECOVERABLE),
        ({"category": "throttled"}, C.THROTTLED),
    ]
    for changes, category in steps:
        await edit(conn, row, **changes)
        await rulebook.refresh(conn)
        assert rulebook.categorize(error()).category is category
    await add_rule(conn, "scripted", "serp", RuleData(pattern="bus+y", category="non_recoverable"), **WHO)
    await rulebook.refresh(conn)
    assert rulebook.categorize(error(body="BUSSY")).category is C.NON_RECOVERABLE
    assert rulebook.categorize(error()).category is C.THROTTLED


async def test_a_disabled_declaration_is_not_brought_back(worker: Worker, conn: Connection) -> None:
    """With all rules disabled the general ones hold, not those in the code."""
    (row,) = await find_rules(conn)
    await edit(conn, row, enabled=False)
    await Declaring(worker.pool, worker.buyer.provider).round()
    await worker.rulebook.refresh(conn)

    assert worker.rulebook.categorize(error()).category is C.RECOVERABLE


@pytest.mark.parametrize(
    "spoil", ["pattern = '(a+)+b'", "pattern = '('", "status = 7", "base_seconds = 400, cap_seconds = 900000"]
)
async def test_a_row_nobody_checked_does_no_harm(
    spoil: str, worker: Worker, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """What was known before goes on, and the log says so once."""
    (row,) = await find_rules(conn)
    await edit(conn, row, category="quota")
    await worker.rulebook.refresh(conn)
    await conn.execute(
        f"UPDATE error_categories SET {spoil}, version = nextval('error_rule_versions')".encode()  # noqa: S608
    )

    with caplog.at_level(logging.ERROR):
        await worker.rulebook.refresh(conn)
        await worker.rulebook.refresh(conn)

    assert worker.rulebook.categorize(error()).category is C.QUOTA


async def test_without_the_database_the_last_known_rules_hold(
    worker: Worker, conn: Connection, postgres_url: str
) -> None:
    """An outage must not bring back what an operator has changed."""
    (row,) = await find_rules(conn)
    await edit(conn, row, category="quota")
    away = await psycopg.AsyncConnection.connect(postgres_url, autocommit=True)
    await worker.rulebook.refresh(away)
    await away.close()

    with pytest.raises(psycopg.OperationalError):
        await worker.rulebook.refresh(away)

    assert worker.rulebook.categorize(error()).category is C.QUOTA


async def test_strategy_attempts_and_delays_are_the_rules(worker: Worker, conn: Connection) -> None:
    """Of the row, not of the provider's policy."""
    (row,) = await find_rules(conn)
    constant = {"category": "recoverable", "strategy": "constant", "base_seconds": 7.0, "cap_seconds": 9.0}
    await edit(conn, row, attempts=2, **constant)
    await worker.rulebook.refresh(conn)

    assert await work(worker, conn) == ("pending", 1, "retry", None)
    assert await fetch(conn, HISTORY) == [(1, "recoverable", 503, "status 503", 7.0)]

    await edit(conn, row, attempts=1, **constant)
    await worker.rulebook.refresh(conn)
    assert await work(worker, conn) == ("failed", 1, None, "recoverable")
    await edit(conn, row, **constant | {"strategy": "none"})
    await worker.rulebook.refresh(conn)
    assert await work(worker, conn) == ("failed", 1, None, "recoverable")


async def test_whether_a_failed_item_becomes_a_dead_letter_is_the_rules_word(
    worker: Worker, conn: Connection
) -> None:
    """Some failures are not worth keeping."""
    (row,) = await find_rules(conn)
    for keep in (True, False):
        await edit(conn, row, category="recoverable", attempts=1, dead_letter=keep)
        await worker.rulebook.refresh(conn)
        assert (await work(worker, conn))[0] == "failed"
    assert await fetch(conn, "SELECT count(*) FROM job_queue WHERE state = 'dead_letter'") == [1]


async def test_an_attempt_that_was_not_spent_is_none(worker: Worker, conn: Connection) -> None:
    """Waits for a refused account leave no history."""
    await worker.rulebook.refresh(conn)
    assert await work(worker, conn) == ("pending", 0, "account", None)
    assert await fetch(conn, HISTORY) == []


async def test_a_defect_is_recorded_and_not_retried(
    postgres_url: str, conn: Connection, provider: ScriptedProvider
) -> None:
    """Whatever rules say: an AttributeError is no answer of a provider."""

    async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        return {item.item_id: item.missing for item in items}  # type: ignore[attr-defined]  # the defect

    async with open_worker(postgres_url, provider, handle=handle) as worker:
        await add_rule(conn, "scripted", "serp", RuleData(pattern=".", category="recoverable"), **WHO)
        await worker.rulebook.refresh(conn)
        assert await work(worker, conn) == ("failed", 1, None, "bug")
    ((attempt, category, status, text, delay),) = await fetch(conn, HISTORY)
    assert (attempt, category, status, delay) == (1, "bug", None, None)
    assert text.startswith("AttributeError: ")


async def test_an_alert_is_raised_once_a_minute(
    worker: Worker, conn: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten thousand failures of one cause are one alarm."""
    (row,) = await find_rules(conn)
    await edit(conn, row, alert=True)
    await worker.rulebook.refresh(conn)
    capsys.readouterr()
    for _ in range(3):
        await work(worker, conn)
    said = capsys.readouterr()
    assert (said.out + said.err).count("provider_alert") == 1


async def test_an_edit_is_live_in_every_running_worker(
    conn: Connection, broker: RedisBroker, postgres_url: str, redis_url: str, provider: ScriptedProvider
) -> None:
    """Within five seconds, without a restart, in the one that leads and in the one that does not."""
    own = Provider(base_url="http://127.0.0.1:9")
    settings = Settings(postgres_url, redis_url, exposition=Exposition(port=0), providers={"serp": own})
    processes = [WorkerProcess(provider.provider, provider.handle, settings) for _ in range(2)]
    for process in processes:
        await process.start(broker)
    rulebooks = [process.processor._buyer.rulebook for process in processes]
    try:
        (row,) = await eventually(lambda: find_rules(conn))
        for category in ("quota", "recoverable", "throttled"):
            await edit(conn, row, category=category)
            for rulebook in rulebooks:
                await eventually(partial(means, rulebook, category), LIVE_SECONDS)
    finally:
        for process in processes:
            await process.drain()
            await process.stop()
