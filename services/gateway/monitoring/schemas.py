"""What the monitoring endpoints answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from shared.store.audits import FailedAudit
from shared.store.breakers import BreakerRow
from shared.store.health import DueHealth, LeaderHealth, ProviderHealth, QueueHealth, WaitingHealth
from shared.store.progress import PhaseProgress
from shared.store.queue_pauses import PausedQueue
from shared.store.retry_history import RetryStatistics

Status = Literal["healthy", "degraded", "unhealthy"]


class Progress(msgspec.Struct, frozen=True):
    """How far a pipeline has come."""

    pipeline_id: UUID
    state: str
    created_at: datetime
    ended_at: datetime | None
    phases: list[PhaseProgress]


class RetryReport(msgspec.Struct, frozen=True):
    """Attempts of the last days that ended in an error."""

    days: float
    phases: list[RetryStatistics]


class SystemHealth(msgspec.Struct, frozen=True):
    """Health of the whole system."""

    status: Status
    """degraded: work goes on, but less than it should; unhealthy: none can go on."""
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
