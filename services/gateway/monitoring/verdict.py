"""From what is seen of the system to healthy, degraded or unhealthy, with reasons."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from services.gateway.monitoring.schemas import Status, SystemHealth
from shared.domain.breaker import BreakerState
from shared.domain.phases import PHASES, Phase, of_service
from shared.store.health import Health, ProviderHealth

NOT_CHECKED: Final = "not checked"
OK: Final = "ok"
#: A due item waits for the dispatcher for no more than a few ticks, unless nobody dispatches.
OLDEST_DUE_SECONDS: Final = 60.0
#: Share of failed calls above which the system is degraded, or unhealthy, given enough of them to be no accident.
DEGRADED_SHARE: Final = 0.10
UNHEALTHY_SHARE: Final = 0.25
ERROR_CALLS: Final = 20
#: Jobs of a queue that have not ended, above which it is degraded, or unhealthy. Items that are due are no measure:
#: only a small window of them is in jobs, so a queue this long is one that nobody empties.
DEGRADED_DEPTH: Final = 1_000
UNHEALTHY_DEPTH: Final = 5_000
#: Reasons of a wait that end only when somebody outside does something, or a day is over.
STUCK: Final = {
    "account": "the provider refuses the account: check key, credit and permissions",
    "quota": "the provider's quota is used up",
}


def judge(database: str, redis: str, health: Health) -> SystemHealth:
    """`health` is empty when the database does not answer."""
    away = []
    if database != OK:
        away.append(database)
    if redis not in {OK, NOT_CHECKED}:
        away.append(redis)
    severe = list(_severe(health))
    partial = list(_partial(health)) if database == OK else []
    status: Status = "unhealthy" if away or severe else "degraded" if partial else "healthy"
    return SystemHealth(
        status=status,
        reasons=[*away, *severe, *partial],
        database=database,
        redis=redis,
        leaders=health.leaders,
        queues=health.queues,
        due=health.due,
        waiting=health.waiting,
        providers=health.providers,
        breakers=health.breakers,
        paused=health.paused,
        failed_audits=health.failed_audits,
        workers=health.workers,
    )


def _severe(health: Health) -> Iterator[str]:
    for queue, jobs in sorted(_depths(health).items()):
        if jobs > UNHEALTHY_DEPTH:
            yield _too_deep(queue, jobs)
    for provider in health.providers:
        if _errs(provider, UNHEALTHY_SHARE):
            yield _failing(provider)


def _partial(health: Health) -> Iterator[str]:
    leading = {leader.service for leader in health.leaders}
    for phase in PHASES.values():
        # An optional service may be switched off on purpose, as long as nothing waits for it.
        if phase.service and phase.service not in leading and (phase.mandatory or _has_work(phase, health)):
            yield f"no worker of {phase.service} is alive: start one with `landscape worker {phase.service}`"
    yield from _stopped(health)
    kept = {of_service(name).name for name in _shut(health)}
    for due in health.due:
        if due.oldest_seconds > OLDEST_DUE_SECONDS and due.phase not in kept:
            yield f"{due.phase}: {due.items} items are due, the oldest for {due.oldest_seconds:.0f} s"
    for waiting in health.waiting:
        if waiting.reason in STUCK:
            wait = "item waits" if waiting.items == 1 else "items wait"
            yield f"{waiting.phase}: {waiting.items} {wait}, {STUCK[waiting.reason]}"
    yield from _slight(health)


def _slight(health: Health) -> Iterator[str]:
    for queue, jobs in sorted(_depths(health).items()):
        if DEGRADED_DEPTH < jobs <= UNHEALTHY_DEPTH:
            yield _too_deep(queue, jobs)
    for provider in health.providers:
        if _errs(provider, DEGRADED_SHARE) and not _errs(provider, UNHEALTHY_SHARE):
            yield _failing(provider)


def _depths(health: Health) -> Counter[str]:
    depths = Counter[str]()
    for queue in health.queues:
        depths[queue.queue] += queue.jobs
    return depths


def _too_deep(queue: str, jobs: int) -> str:
    return f"the queue {queue} holds {jobs} jobs: are its workers alive, and does Redis deliver?"


def _errs(provider: ProviderHealth, share: float) -> bool:
    return provider.calls >= ERROR_CALLS and (provider.error_share or 0) > share


def _failing(provider: ProviderHealth) -> str:
    share = provider.error_share or 0
    return f"{provider.provider}: {share:.0%} of {provider.calls} calls failed in the last ten minutes"


def _stopped(health: Health) -> Iterator[str]:
    """What keeps calls from being made on purpose, and what contradicts the record."""
    for breaker in health.breakers:
        if breaker.state != BreakerState.CLOSED:
            state = breaker.state.replace("_", " ")
            yield f"the circuit breaker of {breaker.service} is {state}: {breaker.reason}"
    for queue in health.paused:
        yield f"the queue {queue.queue} was paused by {queue.paused_by}: {queue.reason}"
    for failed in health.failed_audits:
        yield f"the audit of pipeline {failed.pipeline_id} failed: {failed.detail}"


def _shut(health: Health) -> set[str]:
    """Services whose items are due for as long as it takes."""
    open_ = {breaker.service for breaker in health.breakers if breaker.state != BreakerState.CLOSED}
    return open_ | {queue.queue for queue in health.paused}


def _has_work(phase: Phase, health: Health) -> bool:
    return (
        any(due.phase == phase.name for due in health.due)
        or any(waiting.phase == phase.name for waiting in health.waiting)
        or any(queue.queue == phase.service for queue in health.queues)
    )
