"""The breaker every provider call goes through: aiobreaker's vocabulary, with decisions made in the gate's script.

aiobreaker's own state machine and storage are not used: docs/decisions/0012 lists why.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol, TypeVar

from aiobreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerListener, CircuitBreakerState

from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Verdict
from shared.domain.gate import GateShut
from shared.domain.item import WaitReason

__all__ = ["BreakerOpenError", "CircuitBreakerListener", "CircuitBreakerState", "Gatekeeper", "SharedBreaker"]

T = TypeVar("T")
R = TypeVar("R")

STATES: dict[BreakerState, CircuitBreakerState] = {
    BreakerState.CLOSED: CircuitBreakerState.CLOSED,
    BreakerState.OPEN: CircuitBreakerState.OPEN,
    BreakerState.HALF_OPEN: CircuitBreakerState.HALF_OPEN,
}


class Gatekeeper(Protocol):
    """What the breaker needs of the gate."""

    breaker: Breaker
    """As last heard of."""
    flipped: Callable[[Breaker, Breaker], None]
    """Called with the breaker before and after, when its epoch has changed. Must not raise."""

    async def admit(self, *, bypass: bool = False) -> str:
        """A token once a call may start. Raises GateShut when that is too far away. With `bypass` the breaker does not count."""
        ...

    def answered(self, token: str) -> None:
        """The provider has answered: its slot is free, what the answer is worth will be told to `release`."""
        ...

    def release(self, token: str, verdict: Verdict = Verdict.IGNORE) -> None:
        """The call ended, and this is what it says about the provider."""
        ...


class BreakerOpenError(CircuitBreakerError):  # type: ignore[misc]  # aiobreaker has no types
    """The provider is not to be called now."""

    def __init__(self, name: str, wait_seconds: float) -> None:
        until = datetime.now(UTC) + timedelta(seconds=wait_seconds)
        super().__init__(f"the breaker of {name} lets no call start for {wait_seconds:.1f} s", until)
        self.wait_seconds = wait_seconds

    def __str__(self) -> str:
        return str(self.message)

    @property
    def time_remaining(self) -> timedelta:
        """Until the next call may start; aiobreaker's own mixes times with and without a zone."""
        remaining: timedelta = self.reopen_time - datetime.now(UTC)
        return remaining


class SharedBreaker(CircuitBreaker):  # type: ignore[misc]  # aiobreaker has no types
    """One provider's breaker, the same for all processes. Its state is changed by calls and by operators' orders only.

    Listeners are called synchronously on the event loop: `before_call`, `success` and `failure` of calls of this
    process, `state_change` when this process hears of a change, whoever made it.
    """

    def __init__(
        self, name: str, gate: Gatekeeper, policy: BreakerPolicy, is_fault: Callable[[BaseException], bool]
    ) -> None:
        self._gate = gate
        self._policy = policy
        super().__init__(
            fail_max=policy.failure_threshold,
            timeout_duration=timedelta(seconds=policy.timeout_seconds),
            exclude=[lambda error: not is_fault(error)],
            name=name,
        )
        gate.flipped = self._flipped

    def follow(self, policy: BreakerPolicy) -> None:
        """From the next call on. The decisions are the gate's, which must follow the same."""
        self._policy = policy
        self.fail_max = policy.failure_threshold
        self.timeout_duration = timedelta(seconds=policy.timeout_seconds)

    async def call_async(
        self,
        func: Callable[..., Awaitable[T]],
        *args: Any,
        then: Callable[[T], Awaitable[R]] | None = None,
        bypass: bool = False,
        **kwargs: Any,
    ) -> Any:
        """What `func` returns, or what `then` makes of it, once the gate lets the call start.

        `then` no longer holds a slot of the provider, but its errors still count. With `bypass` the call starts also while
        the breaker is open, and says nothing to it; limits and holds count all the same. Raises BreakerOpenError, GateShut
        for any other reason, and otherwise what `func` and `then` raise.
        """
        try:
            token = await self._gate.admit(bypass=bypass)
        except GateShut as shut:
            if shut.reason == WaitReason.BREAKER:
                raise BreakerOpenError(self.name, shut.wait_seconds) from None
            raise
        verdict = Verdict.IGNORE  # what is cancelled says nothing
        try:
            for listener in self.listeners:
                listener.before_call(self, func, *args, **kwargs)
            began = time.monotonic()
            result: Any = await func(*args, **kwargs)
            slow = 0 < self._policy.slow_seconds < time.monotonic() - began
            if then is not None:
                self._gate.answered(token)
                result = await then(result)
            verdict = Verdict.FAIL if slow else Verdict.OK
            for listener in self.listeners:
                listener.success(self)
        except Exception as error:
            if self.is_system_error(error):
                verdict = Verdict.FAIL
                for listener in self.listeners:
                    listener.failure(self, error)
            raise
        else:
            return result
        finally:
            self._gate.release(token, Verdict.IGNORE if bypass else verdict)

    @property
    def current_state(self) -> CircuitBreakerState:
        """As this process last heard of it."""
        return STATES[self._gate.breaker.state]

    @property
    def fail_counter(self) -> int:
        """Faults in a row, over all processes."""
        return self._gate.breaker.failures

    @property
    def opens_at(self) -> datetime | None:
        """When it will be tried out; None when it is not open, or held."""
        breaker = self._gate.breaker
        if breaker.state is not BreakerState.OPEN or breaker.forced:
            return None
        return datetime.fromtimestamp(breaker.reopen_at / 1_000_000, UTC)

    def _flipped(self, old: Breaker, new: Breaker) -> None:
        for listener in self.listeners:
            listener.state_change(self, STATES[old.state], STATES[new.state])

    def call(self, *_: Any, **__: Any) -> NoReturn:
        """Blocking calls would stop every job of the process."""
        raise TypeError("a provider is called with call_async")

    def _by_order_only(self) -> NoReturn:
        raise TypeError("a breaker is opened, closed and reset by an order in the record")

    open = close = half_open = _by_order_only
