"""A record with something of everything: what runs, what failed, what is stopped, what was spent."""

import time
from dataclasses import dataclass
from uuid import UUID

import msgspec
import psycopg

from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order
from shared.domain.breaker_policy import PolicyEdits, edited
from shared.domain.checkpoint import Due
from shared.domain.operation import Kind
from shared.domain.phases import COMPANY_ENRICHMENT, PHASES, SERP_COLLECTION
from shared.domain.pipeline import freeze, parse
from shared.domain.schedule import refusal
from shared.domain.takeover import as_request
from shared.store.api_keys import create_key
from shared.store.audit_log import Write, close_entry, open_entry
from shared.store.breaker_policies import edit_breaker_policy
from shared.store.breakers import count_breaker, order_breaker, save_breaker
from shared.store.checkpoints import write_checkpoint
from shared.store.control import Act, pause
from shared.store.jobs import complete_job
from shared.store.leases import take_lease
from shared.store.operations import begin_letters
from shared.store.outcomes import Ending, Record, record
from shared.store.pipelines import get_pipeline
from shared.store.pool import Connection
from shared.store.schedules import Ending as FireEnding
from shared.store.schedules import Rule, create_schedule, pause_schedule, record_fire
from shared.store.templates import Content, create_template
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.pipelines import finish_pipeline, record_all, start_pipeline
from tests.store.given_up import ALL, end, fail_all

ERRORS = ("the answer was 503: upstream connect error", "no answer within 30 s", "the answer was 502")
#: Far ahead: the test's leases must not run out.
_LONG = 3600.0


@dataclass(frozen=True, slots=True)
class Scene:
    """The pipelines of it."""

    running: UUID
    failed: UUID
    completed: UUID
    earlier: UUID
    """The same searches as `completed`, a month before."""
    paused: UUID
    letter: int
    """A dead letter of `failed`."""
    item: int
    """An item of `failed`."""
    found: int
    """A search of `completed`."""
    key: UUID
    """An API key nobody has used."""
    operation: int
    """One that nobody has begun with."""
    template: UUID
    schedule: UUID
    """Of it; it started `earlier`, and was skipped the last time."""
    spare: UUID
    """A template that no schedule starts."""


async def play(postgres_url: str) -> Scene:
    """Write it into an empty record."""
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as conn:
        earlier = await _complete_acme(conn)
        await conn.execute(
            "UPDATE pipelines SET created_at = created_at - interval '30 days', ended_at = ended_at - interval '30 days'"
            " WHERE pipeline_id = %s",
            (earlier,),
        )
        failed = await start_searches(conn, 12)
        await fail_all(conn, failed, error=lambda n: ERRORS[n % len(ERRORS)])
        await end(conn)
        completed = await _complete_acme(conn)
        paused = await start_searches(conn, 4, config={"budget": 10.0})
        async with conn.transaction():
            await pause(conn, paused, Act("grace", "wait for the new contract"))
        running = await _start_running(conn)
        await _break(conn)
        await conn.execute(
            "INSERT INTO provider_days (provider, day, most, committed) VALUES ('youtube', '2026-11-24', 10000, 7431),"
            " ('youtube', '2026-11-25', 10000, 9120), ('scale_serp', '2026-11-25', NULL, 246)"
        )
        for service in ("serp", "media", "llm"):
            await take_lease(conn, service, f"{service}-worker-1", _LONG)
        key, _ = await create_key(conn, "nightly export", "viewer", ["reports:read"], 30 * 86_400.0)
        await _write_log(conn, paused)
        operation = await _ask_for_much(conn)
        cursor = await conn.execute(
            "SELECT job_id, item_ids[1] FROM job_queue WHERE state = 'dead_letter' ORDER BY 1"
        )
        row = await cursor.fetchone()
        cursor = await conn.execute("SELECT min(item_id) FROM rankings WHERE pipeline_id = %s", (completed,))
        found = await cursor.fetchone()
        assert row
        assert found
        return Scene(
            running,
            failed,
            completed,
            earlier,
            paused,
            row[0],
            row[1],
            found[0],
            key.key_id,
            operation,
            *await _schedule(conn, running, earlier),
        )


async def _complete_acme(conn: Connection) -> UUID:
    pipeline_id = await start_pipeline(
        conn,
        keywords=[f"shoe {n}" for n in range(6)],
        company={"name": "Acme", "domains": ["acme.com"]},
        config={"phases": tuple(PHASES), "budget": 25.0},
    )
    await finish_pipeline(conn, pipeline_id)
    return pipeline_id


async def _schedule(conn: Connection, pipeline_id: UUID, started: UUID) -> tuple[UUID, UUID, UUID]:
    body = msgspec.json.encode(as_request((await get_pipeline(conn, pipeline_id)).config))
    async with conn.transaction():
        content = Content("every week", body, freeze(parse(body)).config)
        template_id = (await create_template(conn, content, "grace")).template_id
        spare = msgspec.structs.replace(content, name="once more")
        spare_id = (await create_template(conn, spare, "grace")).template_id
        rules = [
            Rule(template_id, name, cron, "Europe/Berlin", "skip")
            for name, cron in (("mondays", "0 6 * * 1"), ("new year", "0 0 1 1 *"))
        ]
        plans = [await create_schedule(conn, rule, "grace") for rule in rules]
        why = refusal("skip", 1)
        for ending in (FireEnding("started", pipeline_id=started), FireEnding("skipped", why)):
            await record_fire(
                conn, plans[1].schedule_id, None, ending, actor="schedule new year", template_version=1
            )
        await pause_schedule(conn, plans[0].schedule_id, Act("grace", "until the contract is signed"))
    return template_id, plans[1].schedule_id, spare_id


async def _start_running(conn: Connection) -> UUID:
    running = await start_pipeline(
        conn,
        keywords=[f"keyword {n}" for n in range(40)],
        content_types=["organic"],
        config={"phases": (SERP_COLLECTION, COMPANY_ENRICHMENT), "budget": 5.0},
    )
    for n in range(3):
        await _complete(conn, running, 6 + n)
        async with conn.transaction():
            await write_checkpoint(conn, running, Due(f"step-{n + 1}", "named"))
    await _wait(conn, running)
    await claim(conn, await dispatch(conn, running, 4), lease_seconds=_LONG)
    await fail_all(
        conn, running, COMPANY_ENRICHMENT, category="non_recoverable", error=lambda _: "no such domain"
    )
    return running


async def _complete(conn: Connection, pipeline_id: UUID, number: int) -> None:
    held = await claim(conn, await dispatch(conn, pipeline_id, number))
    assert held
    await record_all(conn, held)


async def _wait(conn: Connection, pipeline_id: UUID) -> None:
    held = await claim(conn, await dispatch(conn, pipeline_id, 5))
    assert held
    reasons = ("rate", "rate", "breaker", "quota", "budget")
    waits = [
        Ending(held.pipeline_id, item.item_id, held.job_id, held.phase, "pending", wait_seconds=_LONG, wait_reason=reason)
        for item, reason in zip(held.items, reasons, strict=True)
    ]  # fmt: skip
    async with conn.transaction():
        await record(conn, [Record(ending=ending) for ending in waits])
        await complete_job(conn, held.job_id, held.fence)


async def _ask_for_much(conn: Connection) -> int:
    """An operation; no housekeeping does it here."""
    async with conn.transaction():
        reason = "the provider is back"
        begun = await begin_letters(conn, Kind.REPLAY, ALL, actor="grace", reason=reason, least=0)
    assert begun
    return begun.operation_id


async def _write_log(conn: Connection, pipeline_id: UUID) -> None:
    """As the gateway writes what it is asked for: done, refused, and broken off."""
    path = f"/api/v1/pipeline/{pipeline_id}/pause"
    for reason, status in (("wait for the new contract", 200), ("", 409), ("once more", None)):
        write = Write("grace", None, "token", "pausePipeline", path, reason, "a-request")
        entry_id = await open_entry(conn, write)
        if status:
            await close_entry(conn, entry_id, status)


async def _break(conn: Connection) -> None:
    async with conn.transaction():
        await order_breaker(conn, "media", Order.OPEN, actor="grace", reason="the quota is needed elsewhere")
    now = time.time_ns() // 1000
    tripped = Breaker(
        BreakerState.OPEN, 1, failures=20, trips=1, opened_at=now, reopen_at=now + 300_000_000, since=now
    )
    await save_breaker(conn, "pages", tripped, actor="breaker", reason="20 faults in a row")
    async with conn.transaction():
        edits = PolicyEdits(failure_threshold=20, timeout_seconds=60.0)
        await edit_breaker_policy(conn, "pages", edits, actor="grace", reason="their nights are rough")
    configured = BreakerPolicy()
    await count_breaker(conn, "pages", tripped, edited(configured, edits), configured)
