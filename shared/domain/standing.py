"""Where an item, a pipeline and a service stand at one moment, as far as it explains why they do not go on."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.breaker import Breaker

#: Items ahead of one that are counted.
AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator did."""

    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """No call to the provider may start for now."""

    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What Redis remembers of a provider's gate. Nothing of it when Redis is away: then the record has to do."""

    breaker: Breaker = field(default_factory=Breaker)
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service at one moment."""

    name: str
    """`housekeeping` for what needs no provider."""
    alive: bool = True
    """A worker leads it."""
    pause: Act | None = None
    hold: Hold | None = None
    breaker: Breaker = field(default_factory=Breaker)
    breaker_reason: str = ""
    items_per_call: int = 1
    linger_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline at one moment."""

    pipeline_id: str
    state: str = "running"
    ended_at: datetime | None = None
    act: Act | None = None
    """The latest pause or cancel."""
    bypasses_breaker: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """A row of `waiting`."""

    reason: str
    since: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """The open job an item is in."""

    job_id: int
    state: str
    since: datetime
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item at one moment. A pending one is due, waiting, or in a job nobody has claimed."""

    phase: str
    key: str
    state: str
    updated_at: datetime
    attempts: int = 0
    category: str | None = None
    error: str | None = None
    wait: Wait | None = None
    due_at: datetime | None = None
    job: Job | None = None
    dead_letter: int | None = None
    capped: bool = False
    """Its phase begins only when its upstream has nothing open: it has a cap, or is computed from everything."""
    upstream_open: bool = False
    ahead: int = 0
    """Due items of its pipeline and phase that go first; AHEAD: or more."""
    suspect: bool = False
    """Workers died on it: it gets a small job that has its worker to itself."""
    together: int = 1
    """Due items that could share its call, itself among them; up to a call's worth."""
    oldest_due: datetime | None = None
    """Of these."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What a service has to do."""

    working: bool = False
    """Jobs are being processed."""
    due: bool = False
    wait: Wait | None = None
    """Of the item that has to wait the shortest."""
