"""What stands behind the port's `call`: fact store, single flight, gate, ledger, wire, settlement."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec
from uuid_utils.compat import uuid7

from shared.domain.category import ErrorCategory, categorize
from shared.domain.facts import fact_key
from shared.domain.gate import GateShut, hold_seconds
from shared.domain.item import WaitReason
from shared.domain.provider import Endpoint, Fact, FactRef, Provider, Request
from shared.errors import AnswerError, ProviderError
from shared.runtime.batching import Batcher, together
from shared.runtime.http import Wire
from shared.runtime.meter import Meter
from shared.runtime.recorder import Recorder
from shared.runtime.verdict import BUG
from shared.store.calls import Intent, StoredFact
from shared.store.jobs import Claim
from shared.store.outcomes import BoughtFact, Record, Settlement

A = TypeVar("A", bound=msgspec.Struct)


class Admission(Protocol):
    """The gate's port."""

    async def admit(self) -> str:
        """A token once a call may start. Raises GateShut when that is too far away."""
        ...

    def release(self, token: str) -> None:
        """The call ended."""
        ...

    def hold(self, seconds: float, reason: str = "rate") -> None:
        """No process may start a call for this long."""
        ...

    def refuse_if_held(self) -> None:
        """Raises GateShut while a hold is known that is not worth waiting for; costs nothing."""
        ...


#: Slow reading at once: more would only take the processor from one another, and each holds a large answer.
READERS = 2

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


@dataclass(frozen=True, slots=True)
class Want:
    """A look-up in the fact store."""

    key: str
    freshness_seconds: float


class Buyer:
    """Buys facts for every job of this process. All methods belong to one event loop."""

    def __init__(
        self,
        provider: Provider,
        wire: Wire,
        *,
        gate: Admission,
        intents: Batcher[Intent, bool],
        lookups: Batcher[Want, StoredFact | None],
        recorder: Recorder,
        unit_price: float | None,
        source: str = "",
    ) -> None:
        self.provider = provider
        self.source = source or provider.name
        """Who answers. A stand-in's facts must never answer for the provider's, nor the other way round."""
        self._wire = wire
        self._gate = gate
        self._intents = intents
        self._lookups = lookups
        self._recorder = recorder
        self._unit_price = unit_price
        # Some more than the provider takes: the next calls are recorded while these are under way.
        self._slots = asyncio.Semaphore(provider.limits.concurrency + -(-provider.limits.concurrency // 3))
        self._meter = Meter(provider)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._under_way: dict[tuple[str, float], asyncio.Future[Fact[Any]]] = {}
        self.draining = False

    async def buy(
        self, claim: Claim, endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any]
    ) -> Mapping[str, Fact[A]]:
        """One fact per distinct subject: from the store, from a call already under way, or from a new one."""
        freshness = claim.settings.freshness.get(self.provider.service, self.provider.freshness_seconds)
        keys = {s: fact_key(self.source, endpoint.name, s, params) for s in dict.fromkeys(subjects)}
        # Who accepts older facts is not joined: what its look-up finds may be too old here.
        flights = {s: (key, freshness) for s, key in keys.items()}
        joined = {s: self._under_way[flight] for s, flight in flights.items() if flight in self._under_way}
        own = {s: key for s, key in keys.items() if s not in joined}
        # Announced before the first await: between a look-up and a purchase nobody else may begin one.
        futures: dict[str, asyncio.Future[Fact[Any]]] = {s: asyncio.Future() for s in own}
        self._under_way.update((flights[s], future) for s, future in futures.items())
        try:
            facts = await self._obtain(claim, endpoint, own, params, futures, freshness=freshness)
        except BaseException as error:
            for future in futures.values():
                if not future.done():
                    # What ended this job, but not the provider's answer, must not reach those who joined.
                    passing = isinstance(error, ProviderError | GateShut)
                    future.set_exception(error if passing else GateShut("retry", 1.0))
                    future.exception()
            raise
        finally:
            for subject, future in futures.items():
                if not future.done() or future.exception() or future.result().from_store:
                    self._under_way.pop(flights[subject], None)
        for subject, future in joined.items():
            facts[subject] = await asyncio.shield(future)
        return facts

    async def _obtain(
        self,
        claim: Claim,
        endpoint: Endpoint[A],
        keys: Mapping[str, str],
        params: Mapping[str, Any],
        futures: Mapping[str, "asyncio.Future[Fact[Any]]"],
        *,
        freshness: float,
    ) -> dict[str, Fact[A]]:
        """The facts nobody else is after: what the store lacks is bought, in full calls."""
        stored = await together([self._lookups.add(Want(key, freshness)) for key in keys.values()])
        facts: dict[str, Fact[A]] = {}
        for subject, found in zip(keys, stored, strict=True):
            if found and (fact := _restore(endpoint, subject, found)):
                facts[subject] = fact
                futures[subject].set_result(fact)
        self._meter.from_store.inc(len(facts))
        missing = [subject for subject in keys if subject not in facts]
        calls = [missing[n : n + endpoint.per_call] for n in range(0, len(missing), endpoint.per_call)]

        async def purchase(subjects: Sequence[str]) -> None:
            bought, committed = await self._call(claim, endpoint, subjects, params, keys)
            for subject, fact in bought.items():
                facts[subject] = fact
                futures[subject].set_result(fact)
            # Until it is committed the store does not know it: who wants it meanwhile joins.
            flights = [(keys[s], freshness) for s in subjects]
            committed.add_done_callback(lambda done: self._forget(done, flights))

        await together([purchase(subjects) for subjects in calls])
        return facts

    def _forget(self, committed: "asyncio.Future[bool]", flights: Sequence[tuple[str, float]]) -> None:
        _seen(committed)
        for flight in flights:
            self._under_way.pop(flight, None)

    async def _call(
        self,
        claim: Claim,
        endpoint: Endpoint[A],
        subjects: Sequence[str],
        params: Mapping[str, Any],
        keys: Mapping[str, str],
    ) -> tuple[dict[str, Fact[A]], "asyncio.Future[bool]"]:
        request = endpoint.request(subjects, params)
        intent = Intent(
            str(uuid7()),
            claim.pipeline_id,
            claim.job_id,
            claim.fence,
            self.provider.name,
            endpoint.name,
            len(subjects),
        )
        try:
            status, body, duration = await self._send(claim, intent, request, endpoint.answers)
        except ProviderError as error:
            error.culprits = frozenset(subjects[n] for n in error.places if 0 <= n < len(subjects))
            raise
        try:
            answers = await self._answers(endpoint, body, subjects)
            units = endpoint.cost(answers)
        except ProviderError as error:
            error.status = status
            self._settle_error(intent, error, duration, claim.phase)
            raise
        except Exception as error:
            # A defect of ours. The provider has answered all the same, and charged nobody knows what.
            self._meter.ended(BUG, duration, None)
            text = f"{type(error).__name__}: {error}"
            settlement = Settlement(
                intent.call_id, claim.phase, "settled", BUG, status, duration_seconds=duration, error=text
            )
            self._recorder.add(Record(settlement)).add_done_callback(_seen)
            raise
        self._meter.ended("ok", duration, units)
        settlement = Settlement(
            intent.call_id, claim.phase, "settled", "ok", status, units, self._money(units), duration
        )
        bought = tuple(
            BoughtFact(keys[s], intent.call_id, self.provider.name, endpoint.name, s, params, answers.get(s))
            for s in subjects
        )
        committed = self._recorder.add(Record(settlement, bought))
        if (task := asyncio.current_task()) and task.cancelling():  # while it was read
            committed.add_done_callback(_seen)
            raise asyncio.CancelledError
        return {
            s: Fact(s, answers.get(s), FactRef(keys[s], intent.call_id), from_store=False) for s in subjects
        }, committed

    async def _answers(self, endpoint: Endpoint[A], body: bytes, subjects: Sequence[str]) -> Mapping[str, A]:
        if not endpoint.slow:
            return read_answer(endpoint, body, subjects)
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(self._readers, read_answer, endpoint, body, subjects)
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            return await reading  # it is paid for: what it says is recorded although nobody waits any more

    async def _send(
        self, claim: Claim, intent: Intent, request: Request, answers: tuple[int, ...]
    ) -> tuple[int, bytes, float]:
        """(status, body, seconds) of one request: recorded first, then admitted, then sent."""
        async with self._slots:
            if self.draining:
                raise Draining
            self._gate.refuse_if_held()  # else every waiting item would leave a row in the ledger
            recorded = self._intents.add(intent)
            token, sent, started = None, False, 0.0
            try:
                # Before the gate: a slot of the provider is not held while the database commits.
                if not await asyncio.shield(recorded):
                    raise LeaseLost  # noqa: TRY301 - must pass the settlement below
                waited = time.perf_counter()
                token = await self._gate.admit()
                if self.draining:
                    raise Draining  # noqa: TRY301 - must pass the settlement below
                sent, started = True, time.perf_counter()
                self._meter.gate_wait.observe(started - waited)
                with self._meter.in_flight.track_inprogress():
                    status, body = await self._wire.send(request, answers)
                return status, body, time.perf_counter() - started
            except ProviderError as error:
                self._settle_error(intent, error, time.perf_counter() - started, claim.phase)
                raise
            except BaseException as error:
                if sent:  # cancelled with the request out
                    cut = ProviderError(f"cut short: {type(error).__name__}")
                    self._settle_error(intent, cut, time.perf_counter() - started, claim.phase)
                else:
                    await self._refund(intent, recorded, claim.phase, type(error).__name__)
                raise
            finally:
                if token:
                    self._gate.release(token)

    async def _refund(
        self, intent: Intent, recorded: "asyncio.Future[bool]", phase: str, reason: str
    ) -> None:
        """The request never left. Its row may still be on the way to the ledger: that is waited for."""
        settlement = Settlement(intent.call_id, phase, "refunded", reason, units=0.0, money=self._money(0.0))
        recorded.add_done_callback(lambda _: self._recorder.add(Record(settlement)).add_done_callback(_seen))
        await asyncio.wait([recorded])

    def _settle_error(self, intent: Intent, error: ProviderError, duration: float, phase: str) -> None:
        """What the ledger knows of a failed call. Without an answer it is in doubt: it may have been charged."""
        rule = categorize(error, self.provider.errors)
        self._meter.ended(rule.category, duration, None)
        state = "refunded" if not error.sent else "settled" if error.status is not None else "in_doubt"
        units = {"refunded": 0.0, "settled": self.provider.error_units}.get(state)
        if error.units is not None:
            units = error.units
        settlement = Settlement(
            intent.call_id, phase, state, rule.category, error.status, units, self._money(units), duration, str(error)
        )  # fmt: skip
        self._recorder.add(Record(settlement)).add_done_callback(_seen)
        if seconds := hold_seconds(rule, error, datetime.now(UTC)):
            self._gate.hold(seconds, HOLD_REASONS[rule.category])

    def _money(self, units: float | None) -> float | None:
        return None if units is None or self._unit_price is None else units * self._unit_price


def _seen(settled: "asyncio.Future[bool]") -> None:
    """Nobody awaits it, and the recorder has logged what went wrong."""
    if not settled.cancelled():
        settled.exception()


def _restore(endpoint: Endpoint[A], subject: str, found: StoredFact) -> Fact[A] | None:
    """A stored answer, unless it was stored in a shape this version no longer reads."""
    try:
        answer = None if found.answer is None else msgspec.convert(found.answer, endpoint.answer)
    except msgspec.ValidationError:
        return None
    return Fact(subject, answer, found.ref, from_store=True)


def read_answer(endpoint: Endpoint[A], body: bytes, subjects: Sequence[str]) -> Mapping[str, A]:
    """What the endpoint makes of a body. Raises ProviderError for one that is no answer to these subjects."""
    try:
        answers = endpoint.read(body, subjects)
    except msgspec.ValidationError as error:
        raise AnswerError(f"malformed answer: {error}", codes=("malformed",)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"unreadable answer: {error}", codes=("unreadable",)) from None
    if unasked := answers.keys() - set(subjects):
        raise AnswerError(f"answer for {len(unasked)} subjects never asked for", codes=("malformed",))
    return answers
