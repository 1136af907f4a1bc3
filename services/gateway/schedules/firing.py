"""Firing: schedules that are due begin their pipelines, each moment once, however many gateways there are.

What is due is looked at without a lock and read into a configuration; then one transaction claims the schedule if it is
still as it was seen, begins the pipeline, writes down what came of it and moves the schedule on. Whoever dies in between has
done nothing, and the next look finds it due.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final
from uuid import UUID

from services.gateway.actor import NAME_LENGTH, REASON_LENGTH
from services.gateway.dependencies import Gateway
from services.gateway.pipelines.beginning import begin, read
from services.gateway.pipelines.schemas import Started
from shared import log
from shared.domain.pipeline import Frozen
from shared.domain.schedule import Overlap, refusal
from shared.errors import ConflictError, InputError, NotFoundError, SchemaError
from shared.store import control, schedules
from shared.store.audit_log import Write, close_entry, open_entry
from shared.store.control import Act
from shared.store.migrate import require_schema
from shared.store.pool import Connection, Passing
from shared.store.schedules import Due, Ending
from shared.store.templates import get_body, keep_template

_log = log.get(__name__)

#: How soon after its moment a schedule fires.
LOOK_SECONDS: Final = 1.0
#: While the record does not answer, or is not this version's.
PAUSE_SECONDS: Final = 5.0
#: A gateway that stops waits so long for what is being fired.
STOP_SECONDS: Final = 10.0
#: Schedules of one look.
BLOCK: Final = 20
#: One that could not be fired for a defect is left out of the looks for so long, so that it holds up no other.
REST_SECONDS: Final = 60.0
#: Until when those rest, by schedule, on the monotonic clock; here, in this process.
_resting: Final[dict[UUID, float]] = {}
#: What came of a fire -> the status of the same request in the audit log.
_STATUS: Final = {"started": 201, "skipped": 409, "refused": 422}
_OPERATION: Final = "fireSchedule"


async def keep_firing(gateway: Gateway, stopping: asyncio.Event) -> None:
    """Until `stopping` is set; what is being fired then is fired to its end, or rolled back with its connection."""
    while not stopping.is_set():
        seconds = LOOK_SECONDS
        try:
            await fire_due(gateway)
        except (*Passing, OSError, SchemaError) as error:
            if not stopping.is_set():
                _log.warning("schedules_paused", error=type(error).__name__)
            seconds = PAUSE_SECONDS
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), seconds)


async def fire_due(gateway: Gateway) -> int:
    """Fire what is due; how many schedules were fired by this process."""
    async with gateway.connection() as conn:
        await require_schema(conn)
        due = await schedules.find_due(conn, BLOCK, but=_at_rest())
    return sum([await _fire_alone(gateway, one) for one in due])


async def start_or_not(
    conn: Connection, gateway: Gateway, schedule_id: UUID, overlap: Overlap, frozen: Frozen, *, act: Act
) -> tuple[Ending, Started | None]:
    """Begin a schedule's pipeline unless one that is under way forbids it. One transaction, the caller's, who has it locked.

    Raises InputError when the pipeline is refused; then nothing was cancelled either.
    """
    under_way = await schedules.find_under_way(conn, schedule_id)
    if why := refusal(overlap, len(under_way)):
        return Ending("skipped", why), None
    started = await begin(conn, gateway, frozen, act=act)
    cancelled = []
    if overlap == "cancel_previous":
        cancelled = [earlier for earlier in under_way if await _cancelled(conn, earlier, act)]
    return Ending("started", pipeline_id=started.pipeline_id, cancelled=cancelled), started


async def settle(gateway: Gateway, ending: Ending) -> None:
    """Skip what cancelled pipelines had open, after the transaction; broken off, housekeeping does it."""
    for pipeline_id in ending.cancelled:
        await control.settle(gateway.pool, pipeline_id)


async def _fire_alone(gateway: Gateway, due: Due) -> bool:
    """One that cannot be fired, for an error of ours, keeps no other from it: it rests, and is due all the same."""
    try:
        return await _fire(gateway, due)
    except (*Passing, OSError, SchemaError):
        raise
    except Exception:  # noqa: BLE001 - the other schedules must outlive a defect in one
        _resting[due.schedule_id] = time.monotonic() + REST_SECONDS
        _log.exception("schedule_fire_failed", schedule_id=str(due.schedule_id))
        return False


def _at_rest() -> list[UUID]:
    now = time.monotonic()
    for schedule_id in [one for one, until in _resting.items() if until <= now]:
        del _resting[schedule_id]
    return list(_resting)


async def _fire(gateway: Gateway, due: Due) -> bool:
    async with gateway.connection() as conn:
        try:
            body, version = await get_body(conn, due.template_id)
        except NotFoundError:  # the schedule starts another one by now
            return False
    try:
        frozen: Frozen | InputError = await read(gateway, body)
    except InputError as error:
        frozen = error
    async with gateway.unit_of_work() as conn:
        claimed = await schedules.claim_fire(conn, due)
        # The template may have been edited meanwhile; then the next look takes the new version.
        if claimed is None or await keep_template(conn, due.template_id) != version:
            return False
        now, fired_before = claimed
        await schedules.move_schedule(conn, due, now)
        if fired_before:  # the clock went back
            return False
        ending = await _recorded(conn, gateway, due, frozen, version)
    _log.info(
        "schedule_fired",
        schedule_id=str(due.schedule_id),
        due_at=due.due_at.isoformat(),
        outcome=ending.outcome,
        pipeline_id=str(ending.pipeline_id) if ending.pipeline_id else None,
        reason=ending.reason,
    )
    await settle(gateway, ending)
    return True


async def _recorded(
    conn: Connection, gateway: Gateway, due: Due, frozen: Frozen | InputError, version: int
) -> Ending:
    act = Act(f"schedule {due.name}"[:NAME_LENGTH], f"due {due.due_at:%Y-%m-%d %H:%M} UTC")
    path = f"/api/v1/schedules/{due.schedule_id}"
    entry = await open_entry(conn, Write(act.actor, None, "schedule", _OPERATION, path, act.reason, ""))
    try:
        if isinstance(frozen, InputError):
            raise frozen
        async with conn.transaction():  # of a pipeline that is refused nothing stays
            ending, _ = await start_or_not(conn, gateway, due.schedule_id, due.overlap, frozen, act=act)
    except InputError as error:
        ending = Ending("refused", _told(error))
    await schedules.record_fire(
        conn, due.schedule_id, due.due_at, ending, actor=act.actor, template_version=version
    )
    await close_entry(conn, entry, _STATUS[ending.outcome])
    return ending


async def _cancelled(conn: Connection, pipeline_id: UUID, act: Act) -> bool:
    """False when it has ended by itself meanwhile."""
    try:
        async with conn.transaction():
            await control.cancel(conn, pipeline_id, act)
    except ConflictError:
        return False
    return True


def _told(error: InputError) -> str:
    """What is wrong, as a sentence."""
    return str(error).removeprefix(": ")[:REASON_LENGTH]
