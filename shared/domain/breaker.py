"""The circuit breaker of a provider: when its calls stop, and what lets them start again. Pure.

`lua/admit.lua` makes the same decisions for all processes together; a test holds the two against each other.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

#: The window is counted in this many parts, the oldest of which is forgotten as a whole.
PARTS = 12
#: An order is so much ahead of the epoch it was given at: what the breaker does by itself before it hears of
#: the order does not overtake it.
ORDER_STEP = 1_000
#: Where no end is known, as of a breaker that is held open, this is when to ask again. Seconds.
HELD_SECONDS = 60.0
#: While it is being tried out, those that are no probes ask again after this. Seconds.
PROBING_SECONDS = 5.0
_MICRO = 1_000_000


class BreakerState(StrEnum):
    """Whether calls start."""

    CLOSED = "closed"
    """All do."""
    OPEN = "open"
    """None does."""
    HALF_OPEN = "half_open"
    """A few do, to see whether the provider is back."""


class Verdict(StrEnum):
    """What a call's end says about the provider."""

    OK = "ok"
    FAIL = "fail"
    """The provider's own fault: no answer in time, none at all, an error of its servers."""
    IGNORE = "ignore"
    """Nothing: the error is the item's, or the call was cut short."""


class Order(StrEnum):
    """What an operator may ask for. The first two hold until `reset`."""

    OPEN = "open"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When the breaker of a provider trips and recovers."""

    failure_threshold: int = 5
    """Opens after so many faults one after the other, however long they took; or by so many within the window,
    if they are at least `failure_share` of its calls.
    """
    timeout_seconds: float = 300.0
    """How long it stays open before it is tried out."""
    success_threshold: int = 5
    """Calls that must succeed until it closes again; a single fault opens it."""
    window_seconds: float = 60.0
    failure_share: float = 0.5
    probes: int = 2
    """Calls in flight at once while it is tried out, over all processes."""
    slow_seconds: float = 0.0
    """An answer that took longer counts as a fault; 0: none does."""

    def __post_init__(self) -> None:
        if min(self.failure_threshold, self.success_threshold, self.probes) < 1:
            raise ValueError("a breaker's thresholds and probes are at least 1")
        if self.timeout_seconds <= 0 or self.window_seconds <= 0 or not 0 < self.failure_share <= 1:
            raise ValueError("a breaker's times are positive and its failure_share is in (0, 1]")

    @property
    def timeout(self) -> int:
        """Microseconds."""
        return int(self.timeout_seconds * _MICRO)

    @property
    def part(self) -> int:
        """Microseconds of a part of the window."""
        return max(1, int(self.window_seconds * _MICRO) // PARTS)


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker at one moment. Times are microseconds since 1970 by the clock of Redis; 0: none."""

    state: BreakerState = BreakerState.CLOSED
    epoch: int = 0
    """Grows with every change of state. A call's verdict counts only in the epoch the call began in."""
    failures: int = 0
    """Faults in a row."""
    successes: int = 0
    """Of probes."""
    opened_at: int = 0
    reopen_at: int = 0
    """When it will be tried out."""
    since: int = 0
    """When it was last closed; 0 while it is."""
    forced: bool = False
    """An operator holds it in its state."""
    trips: int = 0
    """Times it has opened by itself."""
    window: tuple[tuple[int, int, int], ...] = ()
    """(number of the part, calls, faults), oldest first."""

    def judge(self, policy: BreakerPolicy, now: int, epoch: int, verdict: Verdict) -> "Breaker":
        """After a call that began in `epoch` has ended."""
        if verdict is Verdict.IGNORE or epoch != self.epoch or self.forced or self.state is BreakerState.OPEN:
            return self
        if self.state is BreakerState.HALF_OPEN:
            if verdict is Verdict.FAIL:
                return self._opened(policy, now)
            successes = self.successes + 1
            return (
                replace(self, successes=successes) if successes < policy.success_threshold else self._closed()
            )
        window = self._counted(policy, now, verdict)
        counted = replace(self, failures=self.failures + 1 if verdict is Verdict.FAIL else 0, window=window)
        calls, faults = sum(part[1] for part in window), sum(part[2] for part in window)
        row = counted.failures >= policy.failure_threshold
        share = faults >= policy.failure_threshold and faults >= policy.failure_share * calls
        trips = verdict is Verdict.FAIL and (row or share)
        return counted._opened(policy, now) if trips else counted  # noqa: SLF001 - another value of this class

    def knock(self, now: int) -> "Breaker":
        """When a call wants to start: what has been open for long enough is tried out."""
        if self.state is not BreakerState.OPEN or self.forced or now < self.reopen_at:
            return self
        return replace(self, state=BreakerState.HALF_OPEN, epoch=self.epoch + 1, successes=0)

    def allowance(self, policy: BreakerPolicy, now: int) -> int | None:
        """Calls that may be in flight at once; None: as many as the limits allow."""
        state = self.knock(now).state
        if state is BreakerState.CLOSED:
            return None
        return policy.probes if state is BreakerState.HALF_OPEN else 0

    def wait_seconds(self, now: int) -> float:
        """How long no call at all may start."""
        if self.knock(now).state is not BreakerState.OPEN:
            return 0.0
        return HELD_SECONDS if self.forced else (self.reopen_at - now) / _MICRO

    def ordered(self, order: Order, now: int) -> "Breaker":
        """As an operator wants it."""
        epoch = self.epoch + ORDER_STEP
        if order is Order.OPEN:
            return Breaker(
                BreakerState.OPEN,
                epoch,
                opened_at=now,
                since=self.since or now,
                forced=True,
                trips=self.trips,
            )
        return replace(self._closed(), epoch=epoch, forced=order is Order.CLOSE)

    def _opened(self, policy: BreakerPolicy, now: int) -> "Breaker":
        return Breaker(
            BreakerState.OPEN, self.epoch + 1, self.failures, opened_at=now, reopen_at=now + policy.timeout,
            since=self.since or now, trips=self.trips + 1,
        )  # fmt: skip

    def _closed(self) -> "Breaker":
        return Breaker(epoch=self.epoch + 1, opened_at=self.opened_at, trips=self.trips)

    def _counted(self, policy: BreakerPolicy, now: int, verdict: Verdict) -> tuple[tuple[int, int, int], ...]:
        part = now // policy.part
        kept = [old for old in self.window if part - PARTS < old[0] <= part]
        last = kept.pop() if kept and kept[-1][0] == part else (part, 0, 0)
        return (*kept, (part, last[1] + 1, last[2] + (verdict is Verdict.FAIL)))
