"""Why an item, a pipeline or a service does not go on: the gate that holds it, since when, until when. Pure.

Gates are looked at in one order, the first that is shut is the answer and the others stand behind it. First come those
that only somebody opens: a pause, no worker. Then what the item itself waits for and what stands before its provider,
whatever opens last first; then its turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from shared.domain.breaker import BreakerState
from shared.domain.item import ItemState
from shared.domain.remedy import REMEDIES
from shared.domain.standing import AHEAD, Act, Activity, Item, Pipeline, Service, Wait

_NEVER = datetime.max.replace(tzinfo=UTC)


class Gate(StrEnum):
    """What holds something, or that nothing does."""

    RETRY = "retry"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    BREAKER = "breaker"
    QUOTA = "quota"
    BUDGET = "budget"
    ACCOUNT = "account"
    PAUSED = "paused"
    """By an operator: the pipeline, or the queue."""
    IN_DOUBT = "in_doubt"
    SHUTDOWN = "shutdown"
    CANCELLED = "cancelled"
    WORKER = "worker"
    """No worker of the service is alive."""
    LEASE = "lease"
    """The worker that has it is gone."""
    UPSTREAM = "upstream"
    """Its phase begins when others have nothing open."""
    LINGER = "linger"
    """It waits for company in a call."""
    TURN = "turn"
    """Nothing but other items."""
    WORKING = "working"
    IDLE = "idle"
    DEAD_LETTER = "dead_letter"
    FAILED = "failed"
    FINISHED = "finished"


class Held(msgspec.Struct, frozen=True):
    """A gate that is shut."""

    gate: Gate
    reason: str
    """What holds it, in words."""
    since: datetime | None = None
    until: datetime | None = None
    """When it opens, or is tried, by itself; null: unknown, or not by itself."""


class Why(msgspec.Struct, frozen=True):
    """The answer: one sentence, and the same for machines."""

    sentence: str
    state: str
    gate: Gate
    reason: str
    since: datetime | None
    until: datetime | None
    what_to_do: str
    command: str | None
    """Of the command line; null where there is nothing to do, or no command does it."""
    also: list[Held] = []
    """Gates that stand behind this one, and are shut as well."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A phase of a pipeline that has something open."""

    phase: str
    processing: int
    next: Why | None = None
    """Why the item whose turn comes first does not go on; None while some are being processed."""


def explain_item(item: Item, pipeline: Pipeline, service: Service, now: datetime) -> Why:
    """Why it does not go on, or that it does."""
    names = {
        "pipeline": pipeline.pipeline_id,
        "service": service.name,
        "phase": item.phase,
        "letter": str(item.dead_letter or ""),
        "unpause": _unpause(pipeline, service),
    }
    return _answer(
        f"{item.phase} {item.key}", item.state, list(_holding(item, pipeline, service, now)), names
    )


def explain_service(service: Service, activity: Activity, now: datetime) -> Why:
    """Why it starts no call, or that it does."""
    held = [*_nobody(service), *_latest_first(list(_before_provider(service, now))), _busy(activity, now)]
    state = "working" if activity.working else "waiting" if activity.due or activity.wait else "idle"
    names = {"service": service.name, "unpause": _unpause(None, service)}
    return _answer(service.name, state, held, names)


def explain_pipeline(pipeline: Pipeline, stages: Sequence[Stage]) -> Why:
    """What holds it as a whole: an operator, or the gate of its first open phase while none is worked on."""
    who, names = f"pipeline {pipeline.pipeline_id}", {"pipeline": pipeline.pipeline_id}
    if held := list(_of_pipeline(pipeline)):
        return _answer(
            who, pipeline.state, held, names | {"unpause": f"landscape unpause {pipeline.pipeline_id}"}
        )
    waiting = [(stage.phase, stage.next) for stage in stages if stage.next]
    held = [Held(one.gate, f"{phase}: {one.reason}", one.since, one.until) for phase, one in waiting]
    if busy := [f"{stage.processing} items of {stage.phase}" for stage in stages if stage.processing]:
        held.insert(0, Held(Gate.WORKING, f"{', '.join(busy)} are being worked on"))
    if not held:
        held = [Held(Gate.WORKING, "nothing is open any more; it ends with the next round of housekeeping")]
    answer = _answer(who, pipeline.state, held, names)
    if busy or not waiting:
        return answer
    _, first = waiting[0]
    return msgspec.structs.replace(answer, what_to_do=first.what_to_do, command=first.command)


def _holding(item: Item, pipeline: Pipeline, service: Service, now: datetime) -> Iterator[Held]:
    match item.state:
        case ItemState.PROCESSING:
            yield from _processed(item, service, now)
        case ItemState.COMPLETED:
            yield Held(Gate.FINISHED, "it is completed", item.updated_at)
        case ItemState.SKIPPED:
            yield Held(Gate.FINISHED, item.error or "it was skipped by rule", item.updated_at)
        case ItemState.FAILED:
            gate = Gate.DEAD_LETTER if item.dead_letter else Gate.FAILED
            text = f"{item.category or 'failed'} after {item.attempts} attempts: {item.error or 'no error is on record'}"
            yield Held(gate, text, item.updated_at)
        case _:
            yield from _of_pipeline(pipeline)
            yield from _nobody(service)
            yield from _pending(item, pipeline, service, now)


def _pending(item: Item, pipeline: Pipeline, service: Service, now: datetime) -> Iterator[Held]:
    bypasses = pipeline.bypasses_breaker
    shut = list(_before_provider(service, now, in_job=item.job is not None, bypasses_breaker=bypasses))
    wait = item.wait if item.wait and item.wait.next_at > now else None
    if wait:
        opens, own = _own(wait, item, shut)
        shut = [(opens, own), *((at, held) for at, held in shut if held.gate is not own.gate)]
    yield from _latest_first(shut)
    if not wait:
        yield _in_line(item, service, now)


def _processed(item: Item, service: Service, now: datetime) -> Iterator[Held]:
    job = item.job
    if job and job.lease_until and job.lease_until < now:
        if not service.alive:
            yield Held(Gate.WORKER, f"no worker of {service.name} is alive", job.lease_until)
        yield Held(
            Gate.LEASE,
            f"the worker that had it in job {job.job_id} is gone; it is taken back",
            job.lease_until,
        )
        return
    yield Held(Gate.WORKING, "a worker has it in hand", job.since if job else item.updated_at)


def _of_pipeline(pipeline: Pipeline) -> Iterator[Held]:
    act = pipeline.act
    if pipeline.state == "paused":
        yield Held(Gate.PAUSED, f"the pipeline was paused{_by(act)}", act.at if act else None)
    elif pipeline.state == "cancelled":
        yield Held(
            Gate.CANCELLED, f"the pipeline was cancelled{_by(act)}", act.at if act else pipeline.ended_at
        )
    elif pipeline.state != "running":
        yield Held(Gate.FINISHED, f"the pipeline has ended: {pipeline.state}", pipeline.ended_at)


def _nobody(service: Service) -> Iterator[Held]:
    if pause := service.pause:
        yield Held(Gate.PAUSED, f"the queue {service.name} was paused{_by(pause)}", pause.at)
    if not service.alive:
        yield Held(Gate.WORKER, f"no worker of {service.name} is alive")


def _before_provider(
    service: Service, now: datetime, *, in_job: bool = False, bypasses_breaker: bool = False
) -> Iterator[tuple[datetime, Held]]:
    """(when it opens, what is shut)."""
    if (hold := service.hold) and hold.until > now:
        yield hold.until, Held(Gate(hold.reason), _HOLDS[Gate(hold.reason)], None, hold.until)
    breaker = service.breaker.knock(int(now.timestamp() * 1_000_000))
    if bypasses_breaker or breaker.state is BreakerState.CLOSED:
        return
    since, name = _moment(breaker.since), f"the circuit breaker of {service.name}"
    because = f": {service.breaker_reason}" if service.breaker_reason else ""
    if breaker.state is BreakerState.HALF_OPEN:
        if not in_job:  # what is in a job tries it out
            yield (
                now,
                Held(
                    Gate.BREAKER, f"{name} is half open: a few calls try whether the provider is back", since
                ),
            )
    elif breaker.forced:
        yield _NEVER, Held(Gate.BREAKER, f"{name} is held open{because}", since)
    else:
        until = _moment(breaker.reopen_at) or now
        yield until, Held(Gate.BREAKER, f"{name} is open{because}", since, until)


def _latest_first(shut: Sequence[tuple[datetime, Held]]) -> list[Held]:
    return [held for _, held in sorted(shut, key=lambda one: one[0], reverse=True)]


def _own(wait: Wait, item: Item, shut: Sequence[tuple[datetime, Held]]) -> tuple[datetime, Held]:
    """What the item itself waits for; where that is a gate of its provider, until that one opens."""
    gate = Gate(wait.reason)
    text = f"{_WAITS[gate]}: {item.error}" if item.error else _WAITS[gate]
    opens, same = next(((at, held) for at, held in shut if held.gate is gate), (wait.next_at, None))
    if same and gate is Gate.BREAKER:
        text = same.reason  # when it closes, the item is due at once
    else:
        opens = max(opens, wait.next_at)
    return opens, Held(gate, text, wait.since, None if opens == _NEVER else opens)


def _in_line(item: Item, service: Service, now: datetime) -> Held:
    since = item.wait.next_at if item.wait else item.due_at
    if item.job:
        return Held(
            Gate.TURN, f"it is in job {item.job.job_id}, which waits for a free worker", item.job.since
        )
    if item.capped and item.upstream_open:
        return Held(
            Gate.UPSTREAM, "its phase begins when the phases before it have nothing open any more", since
        )
    lingers = item.upstream_open and not item.suspect and item.together < service.items_per_call
    if lingers and item.oldest_due:
        until = item.oldest_due + timedelta(seconds=service.linger_seconds)
        if until > now:
            text = f"{item.together} of {service.items_per_call} that share a call are due"
            return Held(Gate.LINGER, text, since, until)
    more = "at least " if item.ahead >= AHEAD else ""
    text = f"it waits its turn behind {more}{item.ahead} items" if item.ahead else "it is next"
    return Held(Gate.TURN, text, since)


def _busy(activity: Activity, now: datetime) -> Held:
    if activity.working:
        return Held(Gate.WORKING, "its workers are at work")
    if activity.due:
        return Held(Gate.TURN, "items are due and are about to be taken")
    if (wait := activity.wait) and wait.next_at > now:
        gate = Gate(wait.reason)
        return Held(gate, f"all its items wait; of the next one: {_WAITS[gate]}", wait.since, wait.next_at)
    if activity.wait:
        return Held(Gate.TURN, "an item's wait is over; it is about to be taken")
    return Held(Gate.IDLE, "it has nothing to do")


def _answer(who: str, state: str, held: Sequence[Held], names: dict[str, str]) -> Why:
    first, *behind = held
    what_to_do, command = REMEDIES[first.gate]
    since = f", since {_clock(first.since)}" if first.since else ""
    until = f", until {_clock(first.until)}" if first.until else ""
    reason = first.reason.rstrip(".")
    # Nothing stands behind a gate that is open.
    shown = [one for one in behind if one.gate not in {Gate.TURN, Gate.WORKING, Gate.IDLE}]
    return Why(
        f"{who} is {state}: {reason}{since}{until}.",
        state,
        first.gate,
        reason,
        first.since,
        first.until,
        what_to_do,
        command(names) if command else None,
        shown,
    )


def _unpause(pipeline: Pipeline | None, service: Service) -> str:
    if pipeline and pipeline.state == "paused":
        return f"landscape unpause {pipeline.pipeline_id}"
    return f"landscape queues unpause {service.name}"


def _by(act: Act | None) -> str:
    if act is None:
        return ""
    return f" by {act.actor}: {act.reason}" if act.reason else f" by {act.actor}"


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(micro: int) -> datetime | None:
    return datetime.fromtimestamp(micro / 1_000_000, UTC) if micro else None


_WAITS = {
    Gate.RETRY: "it is tried again after an error",
    Gate.RATE: "the provider wants fewer calls",
    Gate.CONCURRENCY: "as many calls as may be are in flight",
    Gate.BREAKER: "the circuit breaker let no call start",
    Gate.QUOTA: "the quota of the day is used up",
    Gate.BUDGET: "the pipeline's budget does not allow its call",
    Gate.ACCOUNT: "the provider refuses the account",
    Gate.PAUSED: "it was paused",
    Gate.SHUTDOWN: "its worker was shut down",
    Gate.IN_DOUBT: "a call for it may have been charged, and has no answer",
}
_HOLDS = {
    Gate.RATE: "the provider wants no call for now",
    Gate.QUOTA: "the provider's quota of the day is used up",
    Gate.ACCOUNT: "the provider refuses the account",
}
