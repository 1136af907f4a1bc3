"""The gate of one provider, its breaker included: whether a call may start now, decided in one round trip.

Waiting callers of a process share the round trip: while one is under way, those that arrive gather
for the next. So the cost per call falls as the load rises.
"""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import redis.asyncio
from redis.exceptions import RedisError

from shared import log
from shared.broker.admission import MICRO, Answer, Ended, Script, Slot
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Verdict
from shared.domain.gate import GatePolicy, GateShut
from shared.domain.item import WaitReason

#: How often to ask while other processes hold all slots.
POLL_SECONDS = 0.02
_log = log.get(__name__)


class _Waiter(asyncio.Future[str]):
    """A caller waiting for admission; its result is its token."""

    def __init__(self, *, bypass: bool) -> None:
        super().__init__()
        self.bypass = bypass
        self.token = uuid.uuid4().hex
        self.since = self.get_loop().time()


class Gate:
    """Admission to one provider for this process. All methods belong to one event loop."""

    def __init__(self, client: redis.asyncio.Redis, provider: str, policy: GatePolicy) -> None:
        self._policy = policy
        self._ask = Script(client, provider, policy)
        self._epoch = b""
        self._in_flight: set[str] = set()
        self._began: dict[str, int] = {}  # token of a call without a verdict -> the breaker's epoch
        self._released: list[Ended] = []
        self._waiting: list[_Waiter] = []
        self._renew_at = 0.0
        self._hold = (0.0, "")
        self._held_until = 0.0
        self._held_reason = ""
        self.breaker = Breaker()
        self.flipped: Callable[[Breaker, Breaker], None] = lambda _, __: None
        self._known: Breaker | None = None  # to be told to Redis
        self._lookers: list[asyncio.Future[Breaker]] = []
        self._ahead = 0  # of the clock of Redis before the loop's, in microseconds
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Begin to admit."""
        self._task = asyncio.create_task(self._serve(), name="gate")

    async def close(self) -> None:
        """Stop; slots still held expire by themselves."""
        self._closed = True  # redis-py may swallow the cancellation, as said below
        for looker in self._lookers:
            looker.cancel()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def admit(self, *, bypass: bool = False) -> str:
        """A token once the call may start; give it to `release` when its answer is in.

        Raises GateShut when the next admission is further away than `wait_seconds`, or none came in
        twice that time. With `bypass` the breaker does not count.
        """
        waiter = _Waiter(bypass=bypass)
        self._waiting.append(waiter)
        self._wake.set()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.token in self._in_flight:  # admitted and cancelled at the same moment
                self.release(waiter.token)
            raise

    def answered(self, token: str) -> None:
        """The provider has answered: its slot is free, what the answer is worth will be told to `release`."""
        self._in_flight.discard(token)
        self._released.append((token, 0, ""))
        self._wake.set()

    def release(self, token: str, verdict: Verdict = Verdict.IGNORE) -> None:
        """The call ended, and this is what it says about the provider."""
        self._in_flight.discard(token)
        self._released.append((token, self._began.pop(token, -1), verdict))
        self._wake.set()

    def hold(self, seconds: float, reason: str = "rate") -> None:
        """No process starts a call for this long: the provider said so."""
        self._hold = max(self._hold, (seconds, reason))
        self._note_hold(seconds, reason)
        self._wake.set()

    def refuse_if_held(self, *, bypass: bool = False) -> None:
        """Raises GateShut while a hold is known here that is not worth waiting for; asks nobody.

        With `bypass` the breaker does not count.
        """
        left = self._held_until - asyncio.get_running_loop().time()
        if left > self._policy.wait_seconds:
            raise GateShut(self._held_reason, left)
        left = self.breaker.wait_seconds(self._now())
        if left > self._policy.wait_seconds and not bypass:
            raise GateShut(WaitReason.BREAKER, left)

    def allowance(self) -> int | None:
        """Calls the breaker lets be in flight at once; None: as many as the limits allow. Asks nobody."""
        return self.breaker.allowance(self._policy.breaker, self._now())

    async def look(self, known: Breaker | None = None) -> Breaker:
        """The breaker as Redis has it, after it was told of `known`. Raises OSError when Redis is away."""
        looker: asyncio.Future[Breaker] = asyncio.Future()
        self._lookers.append(looker)
        if known:
            self.tell(known)
        self._wake.set()
        return await looker

    def tell(self, known: Breaker) -> None:
        """Tell Redis of `known` with the next round trip; it counts if it is later than what Redis has."""
        self._known = max(self._known or known, known, key=lambda breaker: breaker.epoch)
        self._wake.set()

    def follow(self, breaker: BreakerPolicy) -> None:
        """What the breaker goes by from the next round trip on. An open one is tried out when it was to be."""
        self._policy = replace(self._policy, breaker=breaker)
        self._ask.follow(breaker)

    def _slots(self) -> list[Slot]:
        return [(token, self._began[token]) for token in self._in_flight]

    def _now(self) -> int:
        """By the clock of Redis, as far as it is known here. Microseconds."""
        return int(asyncio.get_running_loop().time() * MICRO) + self._ahead

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
            # While the breaker is not closed, each process keeps up with it: what it knows spares useless tries.
            if self._is_idle() and self._epoch and self.breaker.state is BreakerState.CLOSED:
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

    def _is_idle(self) -> bool:
        calls = self._waiting or self._in_flight or self._released
        return not (calls or self._hold[0] or self._lookers or self._known)

    async def _stumble(self) -> tuple[float, str]:
        lookers, self._lookers = self._lookers, []
        for looker in lookers:
            if not looker.done():
                looker.set_exception(OSError("Redis does not tell the state of the breaker"))
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
        known, self._known = self._known, None
        lookers, self._lookers = self._lookers, []
        now = asyncio.get_running_loop().time()
        renewed = self._slots() if now >= self._renew_at else []
        # Those that bypass the breaker first: who must wait for it does not stand in their way.
        wanted = sorted(
            (waiter for waiter in self._waiting if not waiter.done()), key=lambda one: not one.bypass
        )
        tokens, bypass = [waiter.token for waiter in wanted], sum(waiter.bypass for waiter in wanted)
        try:
            answer = await self._ask(
                self._epoch, released, renewed, tokens, bypass=bypass, hold=hold, known=known
            )
            if answer.admitted < 0:
                self._epoch = answer.epoch
                # Also when the second try breaks: everything is told again until it was heard.
                self._renew_at = 0.0
                known = known or self.breaker
                answer = await self._ask(self._epoch, [], self._slots(), tokens, bypass=bypass, known=known)
        except Exception:
            # Whether it was decided is unknown; who is admitted unheard may have left before the next round.
            # Nor may a verdict count twice: it is not repeated.
            self._released += [(token, 0, Verdict.IGNORE) for token, *_ in released]
            self._released += [(token, 0, Verdict.IGNORE) for token in tokens]
            self._hold = max(self._hold, hold)
            self._lookers += lookers
            if known:
                self.tell(known)
            raise
        self._hear(answer, lookers)
        if renewed:
            self._renew_at = now + self._policy.lease_seconds / 3
        for waiter in wanted[: max(0, answer.admitted)]:
            if waiter.done():  # cancelled while the answer was on its way
                self._released.append((waiter.token, 0, Verdict.IGNORE))
            else:
                self._in_flight.add(waiter.token)
                self._began[waiter.token] = -1 if waiter.bypass else answer.breaker.epoch
                waiter.set_result(waiter.token)
        self._waiting = [waiter for waiter in self._waiting if not waiter.done()]
        return answer.wait / MICRO, answer.reason

    def _hear(self, answer: Answer, lookers: "list[asyncio.Future[Breaker]]") -> None:
        if answer.held:
            self._note_hold(answer.wait / MICRO, answer.reason)
        self._ahead = answer.now - int(asyncio.get_running_loop().time() * MICRO)
        old, self.breaker = self.breaker, answer.breaker
        if answer.breaker.epoch < old.epoch:  # it was lost: whoever knows says so
            self.breaker = old
            self.tell(old)
        elif answer.breaker.epoch > old.epoch:
            self.flipped(old, answer.breaker)
        for looker in lookers:
            if not looker.done():
                looker.set_result(self.breaker)

    def _refuse_late(self, wait: float, reason: str) -> None:
        """Whoever would wait longer than allowed in place gets an answer now."""
        now = asyncio.get_running_loop().time()
        late = now - 2 * self._policy.wait_seconds
        opens = self.breaker.wait_seconds(self._now()) if now >= self._held_until else 0.0
        for waiter in self._waiting:
            if not waiter.done() and not waiter.bypass and opens > self._policy.wait_seconds:
                # The round was told what those wait for that bypass the breaker.
                waiter.set_exception(GateShut(WaitReason.BREAKER, opens))
            if not waiter.done() and (wait > self._policy.wait_seconds or waiter.since < late):
                waiter.set_exception(GateShut(reason or "concurrency", max(wait, self._policy.wait_seconds)))
        self._waiting = [waiter for waiter in self._waiting if not waiter.done()]
