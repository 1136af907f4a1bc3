"""What stands behind the port's `call`: fact store and single flight; what is lacking is bought."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from uuid_utils.compat import uuid7

from shared.domain.facts import fact_key
from shared.domain.gate import GateShut
from shared.domain.item import WaitReason
from shared.domain.provider import Endpoint, Fact
from shared.errors import ProviderError
from shared.runtime.batching import Batcher, together
from shared.runtime.exchange import Exchange, Purchase, seen
from shared.store.calls import StoredFact
from shared.store.jobs import Claim
from shared.store.lookups import Availability, Want
from shared.store.outcomes import Record

A = TypeVar("A", bound=msgspec.Struct)

#: (fact, freshness, since): who accepts older facts is not joined, for what its look-up finds may be too old here.
_Fresh = tuple[str, float, float]

#: How long another worker's purchase of the same fact is waited for in place, and how often it is looked for.
FLIGHT_SECONDS, FLIGHT_POLL_SECONDS = 2.0, 0.1
#: How often an item looks whether a purchase in doubt still holds it up. A decision wakes it at once.
DOUBT_SECONDS = 300.0


class Buyer:
    """Buys facts for every job of this process. All methods belong to one event loop."""

    def __init__(self, exchange: Exchange, lookups: Batcher[Want, StoredFact | Availability]) -> None:
        self.exchange = exchange
        self.provider = exchange.provider
        self.steering = exchange.steering
        self.rulebook = exchange.rulebook
        self._lookups = lookups
        self._under_way: dict[_Fresh, asyncio.Future[Fact[Any]]] = {}

    async def buy(
        self, claim: Claim, endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any]
    ) -> Mapping[str, Fact[A]]:
        """One fact per distinct subject: from the store, from a call already under way, or from a new one."""
        freshness = claim.settings.freshness.get(self.provider.service, self.provider.freshness_seconds)
        keys = {s: fact_key(self.exchange.source, endpoint.name, s, params) for s in dict.fromkeys(subjects)}
        flights = {s: (key, freshness, claim.settings.started_at) for s, key in keys.items()}
        joined = {s: self._under_way[flight] for s, flight in flights.items() if flight in self._under_way}
        own = {s: key for s, key in keys.items() if s not in joined}
        # Announced before the first await: between a look-up and a purchase nobody else may begin one.
        futures: dict[str, asyncio.Future[Fact[Any]]] = {s: asyncio.Future() for s in own}
        self._under_way.update((flights[s], future) for s, future in futures.items())
        try:
            purchase = Purchase(endpoint, params, freshness, own, futures)
            await self._obtain(claim, purchase)
            facts: dict[str, Fact[A]] = purchase.facts
        except BaseException as error:
            for subject, future in futures.items():
                if not future.done():
                    passing = _concerns_others(error, subject)
                    future.set_exception(error if passing else GateShut(WaitReason.RETRY, 1.0))
                    future.exception()
            raise
        finally:
            for subject, future in futures.items():
                if not future.done() or future.exception() or future.result().from_store:
                    self._under_way.pop(flights[subject], None)
        for subject, future in joined.items():
            with self.steering.interruptible(claim.pipeline_id):
                facts[subject] = await asyncio.shield(future)
        return facts

    async def _obtain(self, claim: Claim, purchase: Purchase) -> None:
        """The facts nobody else of this process is after: what the store lacks is bought, in full calls.

        What another process is about to buy is waited for. Raises GateShut when that takes too long,
        and for what an earlier purchase in doubt holds up; the others are bought first.
        """
        late = time.monotonic() + FLIGHT_SECONDS
        pending = list(purchase.keys)
        unreadable: dict[str, float] = {}  # subject -> when that was found
        while pending:
            wanted = [self._want(claim, purchase, subject, unreadable) for subject in pending]
            found = dict(zip(pending, await together([self._lookups.add(w) for w in wanted]), strict=True))
            purchase.tokens |= {
                s: w.token for s, w in zip(pending, wanted, strict=True) if found[s] is Availability.BUY
            }
            for subject, answer in found.items():
                if isinstance(answer, StoredFact):
                    if fact := _restore(purchase.endpoint, subject, answer):
                        purchase.have(fact)
                        self.exchange.meter.from_store.inc()
                    else:
                        unreadable[subject] = time.time()
            await self._purchase_all(claim, purchase, [s for s in pending if found[s] is Availability.BUY])
            if doubted := [s for s in pending if found[s] is Availability.DOUBTED]:
                raise GateShut(WaitReason.IN_DOUBT, DOUBT_SECONDS, doubted)
            pending = [s for s in pending if s not in purchase.facts]
            if any(found[s] is Availability.TAKEN for s in pending):
                if time.monotonic() > late:
                    raise GateShut(WaitReason.CONCURRENCY, FLIGHT_SECONDS)
                with self.steering.interruptible(claim.pipeline_id):
                    await asyncio.sleep(FLIGHT_POLL_SECONDS)

    def _want(self, claim: Claim, purchase: Purchase, subject: str, unreadable: Mapping[str, float]) -> Want:
        """What is stored in a shape nobody reads any more is wanted anew."""
        return Want(
            purchase.keys[subject],
            0.0 if subject in unreadable else purchase.freshness_seconds,
            unreadable.get(subject, claim.settings.started_at),
            claim.job_id,
            str(uuid7()),
            hold=self.provider.in_doubt == "hold",
        )

    async def _purchase_all(self, claim: Claim, purchase: Purchase, subjects: Sequence[str]) -> None:
        size = purchase.endpoint.per_call
        parts = [subjects[n : n + size] for n in range(0, len(subjects), size)]
        if parts:
            await together([self._purchase(claim, purchase, part) for part in parts])

    async def _purchase(self, claim: Claim, purchase: Purchase, subjects: Sequence[str]) -> None:
        try:
            bought, committed = await self.exchange.call(claim, purchase, subjects)
        except BaseException:
            if landed := purchase.landed(subjects):
                self.exchange.recorder.add(Record(landed=landed)).add_done_callback(seen)
            raise
        for fact in bought.values():
            purchase.have(fact)
        # Until it is committed the store does not know it: who wants it meanwhile joins.
        flights = [
            (purchase.keys[s], purchase.freshness_seconds, claim.settings.started_at) for s in subjects
        ]
        committed.add_done_callback(lambda done: self._forget(done, flights))

    def _forget(self, committed: "asyncio.Future[bool]", flights: Sequence[_Fresh]) -> None:
        seen(committed)
        for flight in flights:
            self._under_way.pop(flight, None)


def _concerns_others(error: BaseException, subject: str) -> bool:
    """Whether it concerns those who joined, too: what ended this job, or holds this pipeline alone, does not."""
    if isinstance(error, GateShut):
        own = error.reason in {WaitReason.BUDGET, WaitReason.PAUSED, WaitReason.BREAKER}
        return not own and (not error.subjects or subject in error.subjects)
    return isinstance(error, ProviderError)


def _restore(endpoint: Endpoint[A], subject: str, found: StoredFact) -> Fact[A] | None:
    """A stored answer, unless it was stored in a shape this version no longer reads."""
    try:
        answer = None if found.answer is None else msgspec.convert(found.answer, endpoint.answer)
    except msgspec.ValidationError:
        return None
    return Fact(subject, answer, found.ref, from_store=True)
