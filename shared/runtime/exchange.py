"""One request to the provider and its answer: recorded, admitted, sent, read, settled."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from uuid_utils.compat import uuid7

from shared.broker.breaker import BreakerOpenError, Gatekeeper, SharedBreaker
from shared.domain.category import ErrorCategory
from shared.domain.gate import (
    SET_ASIDE_SECONDS,
    THROTTLE_PAUSE_SECONDS,
    GateShut,
    hold_seconds,
    seconds_to_end,
)
from shared.domain.item import WaitReason
from shared.domain.provider import Endpoint, Fact, FactRef, Provider, Request
from shared.errors import AnswerError, ProviderError
from shared.runtime import fault_points
from shared.runtime.batching import Batcher
from shared.runtime.http import TIMEOUT, Wire
from shared.runtime.journal import call_ended
from shared.runtime.meter import Meter
from shared.runtime.recorder import Recorder
from shared.runtime.rulebook import Rulebook
from shared.runtime.steering import Steering
from shared.runtime.verdict import BUG
from shared.store.calls import MONEY_SET_ASIDE, SENT, SET_ASIDE, Intent, Landed
from shared.store.jobs import Claim
from shared.store.outcomes import BoughtFact, Record, Settlement

A = TypeVar("A", bound=msgspec.Struct)


class Admission(Gatekeeper, Protocol):
    """The gate's port."""

    def hold(self, seconds: float, reason: str = "rate") -> None:
        """No process may start a call for this long."""
        ...

    def refuse_if_held(self, *, bypass: bool = False) -> None:
        """Raises GateShut while a hold or an open breaker is known that is not worth waiting for; costs nothing.

        With `bypass` the breaker does not count.
        """
        ...


#: Slow reading at once: more would only take the processor from one another, and each holds a large answer.
READERS = 2
#: How often a call that its pipeline's budget does not allow is tried again. Raising the budget wakes it at once.
BUDGET_SECONDS = 300.0
#: The longest hold where a provider says "too fast" again and again, but not until when: limits per minute end by then.
THROTTLE_CAP_SECONDS = 60.0
#: Codes of answers that could not be read.
_UNREAD = frozenset({"malformed", "unreadable"})

#: Statuses that say: no answer in time.
_TIMED_OUT = frozenset({408, 504})

#: What holds the gate after an error of this category, as the items say it.
HOLD_REASONS = {
    ErrorCategory.THROTTLED: WaitReason.RATE,
    ErrorCategory.QUOTA: WaitReason.QUOTA,
    ErrorCategory.ACCOUNT: WaitReason.ACCOUNT,
}


class LeaseLost(Exception):  # noqa: N818 - nothing failed: another worker has the job now
    """The job is no longer ours; nothing may be sent or recorded for it."""


class Draining(GateShut):
    """This process is stopping: the item goes back at once, no attempt spent."""

    def __init__(self) -> None:
        super().__init__("shutdown", 0.0)


@dataclass(slots=True)
class Purchase:
    """What one item, or several, still wants of an endpoint."""

    endpoint: Endpoint[Any]
    params: Mapping[str, Any]
    freshness_seconds: float
    keys: Mapping[str, str]
    """Subject -> key of its fact."""
    futures: Mapping[str, "asyncio.Future[Fact[Any]]"]
    """What others of this process wait for."""
    facts: dict[str, Fact[Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Subject -> its flight, which this process has to end."""

    def have(self, fact: Fact[Any]) -> None:
        """One more."""
        self.facts[fact.subject] = fact
        self.futures[fact.subject].set_result(fact)

    def landed(self, subjects: Collection[str]) -> tuple[Landed, ...]:
        """The flights of these subjects are over."""
        return tuple(Landed(self.keys[s], self.tokens[s]) for s in subjects if s in self.tokens)


@dataclass(slots=True)
class _Passage:
    """How far a request has come."""

    recorded_at: float = 0.0
    started_at: float = 0.0
    duration: float = 0.0
    """Seconds until the answer, or until there was none."""
    status: int = 0
    """Of the answer; 0 without any."""
    waiting: ExitStack = field(default_factory=ExitStack)
    """Open until it starts: as long as it may be interrupted."""


class Exchange:
    """Every call of this process. All methods belong to one event loop."""

    def __init__(
        self,
        provider: Provider,
        wire: Wire,
        *,
        gate: Admission,
        intents: Batcher[Intent, str],
        recorder: Recorder,
        unit_price: float | None,
        source: str = "",
        rulebook: Rulebook | None = None,
        steering: Steering | None = None,
    ) -> None:
        self.provider = provider
        self.steering = steering or Steering(provider.service)
        """Which pipelines may start calls; all of them, until it is run."""
        self.rulebook = rulebook or Rulebook(provider)
        """What its errors mean; without one given, what the provider declares."""
        self.source = source or provider.name
        """Who answers. A stand-in's facts must never answer for the provider's, nor the other way round."""
        self.meter = Meter(provider)
        self.recorder = recorder
        self._wire = wire
        self._gate = gate
        self._intents = intents
        self._unit_price = unit_price
        # Some more than the provider takes: the next calls are recorded while these are under way.
        self._slots = asyncio.Semaphore(provider.limits.concurrency + -(-provider.limits.concurrency // 3))
        self._throttled = 0
        self._backed_off_until = 0.0
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self.breaker = SharedBreaker(provider.name, gate, provider.breaker, self._is_fault)
        """What every call goes through."""
        self.draining = False

    async def call(
        self, claim: Claim, purchase: Purchase, subjects: Sequence[str]
    ) -> tuple[dict[str, Fact[Any]], "asyncio.Future[bool]"]:
        """(facts, done when they are committed) of at most one call's worth of subjects."""
        endpoint, params, keys = purchase.endpoint, purchase.params, purchase.keys
        request = endpoint.request(subjects, params)
        most = endpoint.most(request)
        intent = Intent(
            str(uuid7()),
            claim.pipeline_id,
            claim.job_id,
            claim.fence,
            self.provider.name,
            endpoint.name,
            len(subjects),
            self.source,
            datetime.now(ZoneInfo(self.provider.limits.day_zone)).date().isoformat(),
            most,
            self._money(most),
            tuple(keys[subject] for subject in subjects),
        )
        try:
            answers, units, status, duration = await self._send(claim, intent, request, endpoint, subjects)
        except ProviderError as error:
            error.culprits = frozenset(subjects[n] for n in error.places if 0 <= n < len(subjects))
            raise
        fault_points.passing("after_answer")
        self._throttled = 0
        settlement = Settlement(
            intent.call_id, claim.phase, "settled", "ok", status, units, self._money(units), duration
        )
        self._note(intent, settlement)
        bought = tuple(
            BoughtFact(keys[s], intent.call_id, self.provider.name, endpoint.name, s, params, answers.get(s))
            for s in subjects
        )
        committed = self.recorder.add(Record(settlement, bought, landed=purchase.landed(subjects)))
        if (task := asyncio.current_task()) and task.cancelling():  # while it was read
            committed.add_done_callback(seen)
            raise asyncio.CancelledError
        return {
            s: Fact(s, answers.get(s), FactRef(keys[s], intent.call_id), from_store=False) for s in subjects
        }, committed

    async def _answers(
        self, endpoint: Endpoint[A], status: int, body: bytes, subjects: Sequence[str]
    ) -> Mapping[str, A]:
        if not endpoint.slow:
            return read_answer(endpoint, status, body, subjects)
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(self._readers, read_answer, endpoint, status, body, subjects)
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            return await reading  # it is paid for: what it says is recorded although nobody waits any more

    @asynccontextmanager
    async def _slot(self, claim: Claim) -> AsyncIterator[None]:
        """One of this process's places for calls; raises Stopped instead of waiting for a stopped pipeline."""
        with self.steering.interruptible(claim.pipeline_id):
            await self._slots.acquire()
        try:
            self.steering.refuse_if_stopped(claim.pipeline_id)
            yield
        finally:
            self._slots.release()

    async def _send(
        self, claim: Claim, intent: Intent, request: Request, endpoint: Endpoint[A], subjects: Sequence[str]
    ) -> tuple[Mapping[str, A], float, int, float]:
        """(answers, units, status, seconds) of one request: recorded first, then admitted, sent and read."""
        async with self._slot(claim):
            if self.draining:
                raise Draining
            self._refuse_if_held(bypass=claim.settings.bypasses_breaker)
            recorded = self._intents.add(intent)
            passage = _Passage()
            try:
                # Before the gate: a slot of the provider is not held while the database commits.
                if (verdict := await asyncio.shield(recorded)) != SENT:
                    raise self._refusal(verdict, intent)  # noqa: TRY301 - must pass the settlement below
                passage.recorded_at = time.perf_counter()
                with passage.waiting:
                    passage.waiting.enter_context(self.steering.interruptible(claim.pipeline_id))
                    answers, units = await self.breaker.call_async(
                        self._exchange, claim, request, endpoint, passage, intent.call_id,
                        then=partial(self._read, endpoint, subjects, passage),
                        bypass=claim.settings.bypasses_breaker,
                    )  # fmt: skip
            except ProviderError as error:
                error.status = passage.status or error.status
                self._settle_error(intent, error, passage.duration, claim.phase)
                raise
            except BaseException as error:
                if not passage.started_at:
                    await self._refund(intent, recorded, claim.phase, type(error).__name__)
                elif passage.status and isinstance(error, Exception):
                    self._settle_bug(intent, error, passage, claim.phase)
                else:  # cancelled with the request out
                    cut = ProviderError(f"cut short: {type(error).__name__}")
                    self._settle_error(intent, cut, passage.duration, claim.phase)
                if isinstance(error, BreakerOpenError):
                    self.meter.rejected.inc()
                    raise GateShut(WaitReason.BREAKER, error.wait_seconds) from None
                raise
            return answers, units, passage.status, passage.duration

    async def _exchange(
        self, claim: Claim, request: Request, endpoint: Endpoint[Any], passage: _Passage, call_id: str
    ) -> tuple[int, bytes]:
        """(status, body); the gate has let it start."""
        passage.waiting.close()
        self.steering.refuse_if_stopped(claim.pipeline_id)
        if self.draining:
            raise Draining
        passage.started_at = time.perf_counter()
        self.meter.gate_wait.observe(passage.started_at - passage.recorded_at)
        try:
            with self.meter.in_flight.track_inprogress():
                return await self._wire.send(request, endpoint.answers, call_id)
        finally:
            passage.duration = time.perf_counter() - passage.started_at

    async def _read(
        self, endpoint: Endpoint[A], subjects: Sequence[str], passage: _Passage, answer: tuple[int, bytes]
    ) -> tuple[Mapping[str, A], float]:
        """(answers, units)."""
        passage.status, body = answer
        answers = await self._answers(endpoint, passage.status, body, subjects)
        return answers, endpoint.cost(answers)

    def _refuse_if_held(self, *, bypass: bool) -> None:
        """Else every waiting item would leave a row in the ledger."""
        try:
            self._gate.refuse_if_held(bypass=bypass)
        except GateShut as shut:
            if shut.reason == WaitReason.BREAKER:
                self.meter.rejected.inc()
            raise

    def _refusal(self, verdict: str, intent: Intent) -> LeaseLost | GateShut:
        """Why the ledger does not take a call."""
        if verdict in {WaitReason.QUOTA, SET_ASIDE} and intent.day:
            day, zone = date.fromisoformat(intent.day), ZoneInfo(self.provider.limits.day_zone)
            seconds = seconds_to_end(day, datetime.now(UTC), zone)
            if seconds == 0:  # it was the last of yesterday, and says nothing of today
                return GateShut(WaitReason.QUOTA, THROTTLE_PAUSE_SECONDS)
            seconds = min(seconds, SET_ASIDE_SECONDS) if verdict == SET_ASIDE else seconds
            self._gate.hold(seconds, WaitReason.QUOTA)
            return GateShut(WaitReason.QUOTA, seconds)
        pauses: dict[str, float] = {WaitReason.BUDGET: BUDGET_SECONDS, MONEY_SET_ASIDE: SET_ASIDE_SECONDS}
        return GateShut(WaitReason.BUDGET, pauses[verdict]) if verdict in pauses else LeaseLost()

    async def _refund(self, intent: Intent, recorded: "asyncio.Future[str]", phase: str, reason: str) -> None:
        """The request never left. Its row may still be on the way to the ledger: that is waited for."""
        settlement = Settlement(intent.call_id, phase, "refunded", reason, units=0.0, money=self._money(0.0))
        recorded.add_done_callback(lambda _: self.recorder.add(Record(settlement)).add_done_callback(seen))
        await asyncio.wait([recorded])

    def _is_fault(self, error: BaseException) -> bool:
        return isinstance(error, ProviderError) and self.rulebook.categorize(error).is_fault

    def _settle_bug(self, intent: Intent, error: Exception, passage: _Passage, phase: str) -> None:
        """A defect of ours. The provider has answered all the same, and charged nobody knows what."""
        text = f"{type(error).__name__}: {error}"
        settlement = Settlement(
            intent.call_id,
            phase,
            "settled",
            BUG,
            passage.status,
            duration_seconds=passage.duration,
            error=text,
        )
        self._note(intent, settlement)
        self.recorder.add(Record(settlement)).add_done_callback(seen)

    def _settle_error(self, intent: Intent, error: ProviderError, duration: float, phase: str) -> None:
        """What the ledger knows of a failed call. Without an answer it is in doubt: it may have been charged."""
        rule = self.rulebook.categorize(error)
        self.rulebook.raise_alert(rule, error)
        state = "refunded" if not error.sent else "settled" if error.status is not None else "in_doubt"
        units = {"refunded": 0.0, "settled": self.provider.error_units}.get(state)
        if isinstance(error, AnswerError) and not _UNREAD.isdisjoint(error.codes):
            units = None  # it was a good answer to the provider
        if error.units is not None:
            units = error.units
        settlement = Settlement(
            intent.call_id, phase, state, rule.category, error.status, units, self._money(units), duration, str(error)
        )  # fmt: skip
        self._note(intent, settlement, timed_out=TIMEOUT in error.codes or error.status in _TIMED_OUT)
        self.recorder.add(Record(settlement)).add_done_callback(seen)
        if seconds := hold_seconds(rule, error, datetime.now(UTC)):
            if rule.category is ErrorCategory.THROTTLED and error.retry_after is None:
                seconds = self._back_off(seconds)
            self._gate.hold(seconds, HOLD_REASONS[rule.category])

    def _note(self, intent: Intent, settlement: Settlement, *, timed_out: bool = False) -> None:
        """For metrics and log."""
        duration = settlement.duration_seconds or 0.0
        self.meter.ended(settlement.outcome, duration, settlement.units, timed_out=timed_out)
        call_ended(intent, settlement)

    def _back_off(self, seconds: float) -> float:
        """Twice as long with every hold in a row. Calls that were out together are refused together: that is one."""
        now = time.monotonic()
        if now >= self._backed_off_until:
            self._throttled += 1
        seconds = min(THROTTLE_CAP_SECONDS, seconds * 2.0 ** min(self._throttled - 1, 10))
        self._backed_off_until = max(self._backed_off_until, now + seconds)
        return seconds

    def _money(self, units: float | None) -> float | None:
        return None if units is None or self._unit_price is None else units * self._unit_price


def seen(settled: "asyncio.Future[bool]") -> None:
    """Nobody awaits it, and the recorder has logged what went wrong."""
    if not settled.cancelled():
        settled.exception()


def read_answer(endpoint: Endpoint[A], status: int, body: bytes, subjects: Sequence[str]) -> Mapping[str, A]:
    """What the endpoint makes of a body. Raises ProviderError for one that is no answer to these subjects."""
    try:
        answers = endpoint.answers.get(status, endpoint.read)(body, subjects)
    except msgspec.ValidationError as error:
        raise AnswerError(f"malformed answer: {error}", codes=("malformed",)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"unreadable answer: {error}", codes=("unreadable",)) from None
    if unasked := answers.keys() - set(subjects):
        raise AnswerError(f"answer for {len(unasked)} subjects never asked for", codes=("malformed",))
    return answers
