"""The gate of a single process, in memory."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress

from shared.domain.breaker import PROBING_SECONDS, Breaker, BreakerState, Verdict
from shared.domain.gate import GatePolicy, GateShut


class FakeGate:
    """Admits as the real one does: so many at once, none while held, nobody kept waiting for long. No rate limit."""

    def __init__(self, policy: GatePolicy) -> None:
        self._policy = policy
        self._tokens = itertools.count()
        self._held_until = 0.0
        self._held_reason = "rate"
        self._changed = asyncio.Event()
        self._began: dict[str, int] = {}
        self.breaker = Breaker()
        self.flipped: Callable[[Breaker, Breaker], None] = lambda _, __: None
        self.in_flight: set[str] = set()
        """Tokens given and not yet released."""

    async def admit(self, *, bypass: bool = False) -> str:
        """A token once a call may start. Raises GateShut when that is too far away. With `bypass` the breaker does not count."""
        loop, allowed = asyncio.get_running_loop(), self._policy.wait_seconds
        late = loop.time() + 2 * allowed
        while True:
            held, reason = self._shut(bypass=bypass)
            if held <= 0 and len(self.in_flight) < self._policy.concurrency:
                return self._admitted(bypass=bypass)
            left = late - loop.time()
            if held > allowed or left <= 0:
                raise GateShut(reason if held > 0 else "concurrency", max(held, allowed))
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(held, left) if held > 0 else left):
                    await self._changed.wait()

    def answered(self, token: str) -> None:
        """The provider has answered: its slot is free, what the answer is worth will be told to `release`."""
        self.in_flight.discard(token)
        self._changed.set()

    def release(self, token: str, verdict: Verdict = Verdict.IGNORE) -> None:
        """The call ended, and this is what it says about the provider."""
        self.in_flight.discard(token)
        epoch = self._began.pop(token, -1)
        self._become(self.breaker.judge(self._policy.breaker, self._now(), epoch, verdict))
        self._changed.set()

    def hold(self, seconds: float, reason: str = "rate") -> None:
        """No call starts for this long."""
        until = asyncio.get_running_loop().time() + seconds
        if until > self._held_until:
            self._held_until, self._held_reason = until, reason
        self._changed.set()

    def refuse_if_held(self, *, bypass: bool = False) -> None:
        """Raises GateShut while a hold, or the breaker unless with `bypass`, is not worth waiting for."""
        left, reason = self._held(bypass=bypass)
        if left > self._policy.wait_seconds:
            raise GateShut(reason, left)

    def allowance(self) -> int | None:
        """Calls the breaker lets be in flight at once; None: as many as the limits allow."""
        return self.breaker.allowance(self._policy.breaker, self._now())

    async def look(self, known: Breaker | None = None) -> Breaker:
        """The breaker, after it was told of `known`."""
        if known:
            self.tell(known)
        return self.breaker

    def tell(self, known: Breaker) -> None:
        """It counts if it is later."""
        if known.epoch > self.breaker.epoch:
            self._become(known)

    def _admitted(self, *, bypass: bool) -> str:
        if not bypass:
            self._become(self.breaker.knock(self._now()))
        token = f"token {next(self._tokens)}"
        self.in_flight.add(token)
        self._began[token] = -1 if bypass else self.breaker.epoch
        return token

    def _held(self, *, bypass: bool) -> tuple[float, str]:
        held = self._held_until - asyncio.get_running_loop().time()
        if held > 0 or bypass:
            return held, self._held_reason
        return self.breaker.wait_seconds(self._now()), "breaker"

    def _shut(self, *, bypass: bool) -> tuple[float, str]:
        held, reason = self._held(bypass=bypass)
        if bypass:
            return held, reason
        breaker = self.breaker.knock(self._now())
        probes = sum(epoch == breaker.epoch for epoch in self._began.values())
        if held <= 0 and breaker.state is BreakerState.HALF_OPEN and probes >= self._policy.breaker.probes:
            return PROBING_SECONDS, "breaker"
        return held, reason

    def _become(self, breaker: Breaker) -> None:
        old, self.breaker = self.breaker, breaker
        if old.epoch != breaker.epoch:
            self.flipped(old, breaker)

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1_000_000)
