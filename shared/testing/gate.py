"""The gate of a single process, in memory."""

import asyncio
import itertools
from contextlib import suppress

from shared.domain.gate import GatePolicy, GateShut


class FakeGate:
    """Admits as the real one does: so many at once, none while held, nobody kept waiting for long. No rate limit."""

    def __init__(self, policy: GatePolicy) -> None:
        self._policy = policy
        self._tokens = itertools.count()
        self._held_until = 0.0
        self._held_reason = "rate"
        self._changed = asyncio.Event()
        self.in_flight: set[str] = set()
        """Tokens given and not yet released."""

    async def admit(self) -> str:
        """A token once a call may start. Raises GateShut when that is too far away."""
        loop, allowed = asyncio.get_running_loop(), self._policy.wait_seconds
        late = loop.time() + 2 * allowed
        while True:
            held = self._held_until - loop.time()
            if held <= 0 and len(self.in_flight) < self._policy.concurrency:
                token = f"token {next(self._tokens)}"
                self.in_flight.add(token)
                return token
            left = late - loop.time()
            if held > allowed or left <= 0:
                raise GateShut(self._held_reason if held > 0 else "concurrency", max(held, allowed))
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(held, left) if held > 0 else left):
                    await self._changed.wait()

    def release(self, token: str) -> None:
        """The call ended, however it did."""
        self.in_flight.discard(token)
        self._changed.set()

    def hold(self, seconds: float, reason: str = "rate") -> None:
        """No call starts for this long."""
        until = asyncio.get_running_loop().time() + seconds
        if until > self._held_until:
            self._held_until, self._held_reason = until, reason
        self._changed.set()

    def refuse_if_held(self) -> None:
        """Raises GateShut while a hold is not worth waiting for."""
        left = self._held_until - asyncio.get_running_loop().time()
        if left > self._policy.wait_seconds:
            raise GateShut(self._held_reason, left)
