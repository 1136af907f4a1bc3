"""What the monitoring endpoints answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from shared.domain.phases import SERVICES
from shared.domain.service_health import Figures
from shared.store.audits import FailedAudit
from shared.store.breakers import BreakerRow
from shared.store.health import DueHealth, LeaderHealth, ProviderHealth, QueueHealth, WaitingHealth
from shared.store.progress import PhaseProgress
from shared.store.queue_pauses import PausedQueue
from shared.store.retry_history import RetryStatistics
from shared.store.schedules import Starter
from shared.store.standings import Standing
from shared.store.workers import Worker

Status = Literal["healthy", "degraded", "unhealthy"]


class Progress(msgspec.Struct, frozen=True):
    """How far a pipeline has come."""

    pipeline_id: UUID
    state: str
    created_at: datetime
    ended_at: datetime | None
    phases: list[PhaseProgress]
    name: str
    """Of the company whose landscape it is; empty without one."""
    may: list[str]
    """What the state allows to be done: of pause, unpause, cancel, resume, rewind."""
    schedule: Starter | None
    """That started it; null: none did, or it was deleted, or it was more than a year ago."""


class RetryReport(msgspec.Struct, frozen=True):
    """Attempts of the last days that ended in an error."""

    days: float
    phases: list[RetryStatistics]
    since: datetime
    """What ended before is not counted."""


class HealthWindow(msgspec.Struct, frozen=True):
    """What a service's calls came to in a stretch of time."""

    start: datetime
    end: datetime
    figures: Figures


class ServiceHealth(msgspec.Struct, frozen=True):
    """What a service's calls came to, as its workers counted."""

    service: str
    since: datetime
    window_seconds: int
    """Length of a window."""
    total: Figures
    """Of all windows together."""
    windows: list[HealthWindow]
    """In order; those without a call are left out."""


class SystemHealth(msgspec.Struct, frozen=True):
    """Health of the whole system."""

    status: Status
    """degraded: work goes on, but less than it should; unhealthy: none can, or a good part of it fails."""
    reasons: list[str]
    """Why it is not healthy, one sentence each."""
    database: str
    """ok, or what is wrong."""
    redis: str
    """ok, what is wrong, or `not checked`."""
    leaders: list[LeaderHealth]
    """Services with a live worker."""
    queues: list[QueueHealth]
    due: list[DueHealth]
    waiting: list[WaitingHealth]
    providers: list[ProviderHealth]
    """Calls of the last ten minutes."""
    breakers: list[BreakerRow]
    """Of services whose workers have run."""
    paused: list[PausedQueue]
    """Queues that an operator has paused."""
    failed_audits: list[FailedAudit]
    """Pipelines whose record contradicts itself, by the latest audit of the last day."""
    workers: list[Worker]
    """Processes that are, or were lately, there."""


class WorkerPage(msgspec.Struct, frozen=True):
    """Processes of the services, those that died within the hour included."""

    items: list[Worker]


class StandingPage(msgspec.Struct, frozen=True):
    """Providers, by service."""

    items: list[Standing]


class ServiceReplicas(msgspec.Struct, frozen=True):
    """A service by its processes that are alive."""

    service: str
    replicas: int
    versions: list[str]
    """More than one while it is being updated."""
    leader: str | None
    """The process that dispatches for it."""
    seen_at: datetime | None
    """The latest sign of life; None without any process on record."""
    threads: int
    """Jobs they can hold."""
    jobs: int
    """They hold."""
    calls: int
    """Under way."""
    load: float | None
    """Jobs by threads, 0 to 1 and a little more while closing phases are computed; None without a process."""


class ServicePage(msgspec.Struct, frozen=True):
    """Every service that has a provider, in the order of the work."""

    items: list[ServiceReplicas]


def replicas(workers: list[Worker]) -> list[ServiceReplicas]:
    """Summed up by service."""
    return [_replicas(service, [w for w in workers if w.service == service]) for service in SERVICES]


def _replicas(service: str, workers: list[Worker]) -> ServiceReplicas:
    alive = [worker for worker in workers if worker.alive]
    threads, jobs = sum(w.threads for w in alive), sum(w.jobs for w in alive)
    return ServiceReplicas(
        service=service,
        replicas=len(alive),
        versions=sorted({worker.version for worker in alive}),
        leader=next((worker.holder for worker in alive if service in worker.leads), None),
        seen_at=max((worker.seen_at for worker in workers), default=None),
        threads=threads,
        jobs=jobs,
        calls=sum(w.calls for w in alive),
        load=jobs / threads if threads else None,
    )
