"""The gate of one provider: whether a call may start now, decided over all processes in one round trip.

Waiting callers of a process share the round trip: while one is under way, those that arrive gather
for the next. So the cost per call falls as the load rises.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import redis.asyncio
from redis.exceptions import RedisError

from shared import log
from shared.broker.client import NAMESPACE
from shared.domain.gate import GatePolicy, GateShut

_SCRIPT = (Path(__file__).parent / "lua" / "admit.lua").read_text()
_MICRO = 1_000_000
#: How often to ask while other processes hold all slots.
POLL_SECONDS = 0.02
_log = log.get(__name__)


class _Waiter(asyncio.Future[str]):
    """A caller waiting for admission; its result is its token."""

    def __init__(self) -> None:
        super().__init__()
        self.token = uuid.uuid4().hex
        self.since = self.get_loop().time()


class Gate:
    """Admission to one provider for this process. All methods belong to one event loop."""

    def __init__(self, client: redis.asyncio.Redis, provider: str, policy: GatePolicy) -> None:
        self._policy = policy
        self._keys = [f"{NAMESPACE}:gate:{provider}:{name}" for name in ("epoch", "inflight", "tat", "hold")]
        self._script = cast("Callable[..., Awaitable[list[bytes | int]]]", client.register_script(_SCRIPT))
        self._epoch = b""
        self._in_flight: set[str] = set()
        self._released: list[str] = []
        self._waiting: list[_Waiter] = []
        self._renew_at = 0.0
        self._hold = (0.0, "")
        self._held_until = 0.0
        self._held_reason = ""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Begin to admit."""
        self._task = asyncio.create_task(self._serve(), name="gate")

    async def close(self) -> None:
        """Stop; slots still held expire by themselves."""
        self._closed = True  # redis-py may swallow the cancellation, as said below
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def admit(self) -> str:
        """A token once the call may start; give it to `release` when its answer is in.

        Raises GateShut when the next admission is further away than `wait_seconds`, or none came in
        twice that time.
        """
        waiter = _Waiter()
        self._waiting.append(waiter)
        self._wake.set()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.token in self._in_flight:  # admitted and cancelled at the same moment
                self.release(waiter.token)
            raise

    def release(self, token: str) -> None:
        """The call ended, however it did."""
        self._in_flight.discard(token)
        self._released.append(token)
        self._wake.set()

    def hold(self, seconds: float, reason: str = "rate") -> None:
        """No process starts a call for this long: the provider said so."""
        self._hold = max(self._hold, (seconds, reason))
        self._note_hold(seconds, reason)
        self._wake.set()

    def refuse_if_held(self) -> None:
        """Raises GateShut while a hold is known here that is not worth waiting for; asks nobody."""
        left = self._held_until - asyncio.get_running_loop().time()
        if left > self._policy.wait_seconds:
            raise GateShut(self._held_reason, left)

    def _note_hold(self, seconds: float, reason: str) -> None:
        until = asyncio.get_running_loop().time() + seconds
        if until > self._held_until:
            self._held_until, self._held_reason = until, reason

    async def _serve(self) -> None:
        """Round trips, one at a time: whenever something changed, was told to wait until now, or at a beat."""
        wait, reason = 0.0, ""
        while not self._closed:
            with suppress(TimeoutError):
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with its result.
                async with asyncio.timeout(self._pause(wait)):
                    await self._wake.wait()
            self._wake.clear()
            idle = not (self._waiting or self._in_flight or self._released or self._hold[0])
            if idle and self._epoch:
                continue  # the first round trip is made at once: settling is over before the first call
            try:
                wait, reason = await self._round()
            except (RedisError, OSError) as error:
                _log.warning("gate_unreachable", error=str(error))
                wait, reason = await self._stumble()
            except Exception:  # noqa: BLE001 - without this task nobody is ever admitted again
                _log.exception("gate_failed")
                wait, reason = await self._stumble()
            self._refuse_late(wait, reason)

    async def _stumble(self) -> tuple[float, str]:
        await asyncio.sleep(self._policy.beat_seconds)
        return self._policy.beat_seconds, "rate"

    def _pause(self, wait: float) -> float:
        """Seconds to the next round trip, if nothing wakes it before."""
        if not self._waiting or len(self._in_flight) >= self._policy.concurrency:
            return self._policy.beat_seconds
        # No wait told: other processes hold the slots, and nothing here hears them give one back.
        return min(self._policy.beat_seconds, wait or POLL_SECONDS)

    async def _round(self) -> tuple[float, str]:
        """One decision for everybody waiting: (seconds until the next admission or 0, why not now)."""
        released, self._released = self._released, []
        hold, self._hold = self._hold, (0.0, "")
        now = asyncio.get_running_loop().time()
        renewed = list(self._in_flight) if now >= self._renew_at else []
        wanted = [waiter for waiter in self._waiting if not waiter.done()]
        tokens = [waiter.token for waiter in wanted]
        try:
            epoch, admitted, wait, reason = await self._call(released, renewed, tokens, hold)
            if admitted < 0:
                self._epoch = epoch
                _, admitted, wait, reason = await self._call([], list(self._in_flight), tokens, (0.0, ""))
        except Exception:
            # Whether it was decided is unknown; who is admitted unheard may have left before the next round.
            self._released += released + tokens
            self._hold = max(self._hold, hold)
            raise
        if renewed:
            self._renew_at = now + self._policy.lease_seconds / 3
        for waiter in wanted[: max(0, admitted)]:
            if waiter.done():  # cancelled while the answer was on its way
                self._released.append(waiter.token)
            else:
                self._in_flight.add(waiter.token)
                waiter.set_result(waiter.token)
        self._waiting = [waiter for waiter in self._waiting if not waiter.done()]
        return wait / _MICRO, reason

    async def _call(
        self, released: list[str], renewed: list[str], wanted: list[str], hold: tuple[float, str]
    ) -> tuple[bytes, int, int, str]:
        policy = self._policy
        epoch, admitted, wait, why, held = await self._script(
            keys=self._keys,
            args=[
                self._epoch,
                policy.concurrency,
                policy.requests_per_second,
                policy.burst,
                int(policy.lease_seconds * _MICRO),
                int(policy.settling_seconds * _MICRO),
                int(hold[0] * _MICRO),
                hold[1],
                len(released),
                len(renewed),
                len(wanted),
                *released,
                *renewed,
                *wanted,
            ],
        )
        reason = cast("bytes", why).decode()
        if held:
            self._note_hold(cast("int", wait) / _MICRO, reason)
        return cast("bytes", epoch), cast("int", admitted), cast("int", wait), reason

    def _refuse_late(self, wait: float, reason: str) -> None:
        """Whoever would wait longer than allowed in place gets an answer now."""
        late = asyncio.get_running_loop().time() - 2 * self._policy.wait_seconds
        for waiter in self._waiting:
            if not waiter.done() and (wait > self._policy.wait_seconds or waiter.since < late):
                waiter.set_exception(GateShut(reason or "concurrency", max(wait, self._policy.wait_seconds)))
        self._waiting = [waiter for waiter in self._waiting if not waiter.done()]
