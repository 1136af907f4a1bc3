"""The admission decision: go, or wait this long because of that."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.provider import Limits
from shared.errors import ProviderError

PACIFIC = ZoneInfo("America/Los_Angeles")
#: How often a refused account, or a quota with no known reset, is tried again. Seconds.
ACCOUNT_PAUSE_SECONDS = 60.0
#: The shortest wait after "too fast" or "no more": a provider that names none must not be hammered.
THROTTLE_PAUSE_SECONDS = 1.0
#: Between two looks at a day, or a budget, whose last part is set aside for calls under way. Seconds.
SET_ASIDE_SECONDS = 5.0
#: A slot whose process died is free again after this long, at the most.
LEASE_SECONDS = 15.0


class GateShut(Exception):  # noqa: N818 - not an error: the item waits and spends no attempt
    """The call may not start; the item waits."""

    def __init__(self, reason: str, wait_seconds: float, subjects: Collection[str] = ()) -> None:
        super().__init__(f"{reason}: {wait_seconds:.1f} s")
        self.reason = reason
        """A WaitReason."""
        self.wait_seconds = wait_seconds
        self.subjects = frozenset(subjects)
        """Whom it concerns; empty: everybody."""


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What the gate enforces for one provider, over all processes."""

    concurrency: int
    requests_per_second: float = 0.0
    """0: no rate limit."""
    burst: int = 1
    """Calls that may start at once after a pause. In any second at most rate + burst start."""
    wait_seconds: float = 2.0
    """How long a caller may wait in place."""
    lease_seconds: float = LEASE_SECONDS
    """A slot whose process died is free again after this long."""
    beat_seconds: float = 0.25
    """How soon a process notices that Redis lost its memory."""
    settling_seconds: float = 0.6
    """After such a loss nothing starts for this long: processes register their calls in flight first."""
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)

    @classmethod
    def of(
        cls,
        limits: Limits,
        wait_seconds: float,
        breaker: BreakerPolicy | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> "GatePolicy":
        """The policy for a provider's limits; a tenth of a second's calls may burst.

        `lease_seconds` is that of jobs: slots of the dead are not kept for longer than their items.
        """
        burst = max(1, int(limits.requests_per_second / 10))
        return cls(
            limits.concurrency,
            limits.requests_per_second,
            burst,
            wait_seconds,
            lease_seconds=min(LEASE_SECONDS, lease_seconds),
            breaker=breaker or BreakerPolicy(),
        )


def hold_seconds(rule: ErrorRule, error: ProviderError, now: datetime) -> float:
    """How long no call at all may start after this error; 0 when it concerns only its own items.

    `now` must be aware.
    """
    if rule.category is ErrorCategory.THROTTLED:
        return max(error.retry_after or 0.0, THROTTLE_PAUSE_SECONDS)
    if rule.category is ErrorCategory.QUOTA:
        if error.retry_after is not None:
            return max(error.retry_after, THROTTLE_PAUSE_SECONDS)
        return seconds_to_midnight(now) if rule.until == "midnight_pacific" else ACCOUNT_PAUSE_SECONDS
    return ACCOUNT_PAUSE_SECONDS if rule.category is ErrorCategory.ACCOUNT else 0.0


def seconds_to_midnight(now: datetime, zone: ZoneInfo = PACIFIC) -> float:
    """Seconds until the next midnight in `zone`: 23, 24 or 25 hours apart around changes of the clock."""
    return seconds_to_end(now.astimezone(zone).date(), now, zone)


def seconds_to_end(day: date, now: datetime, zone: ZoneInfo) -> float:
    """Seconds until `day` is over in `zone`; 0 when it is."""
    tomorrow = day + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    # Not `midnight - now`: between two moments of the same zone Python subtracts what the clocks show.
    return max(0.0, midnight.timestamp() - now.timestamp())
