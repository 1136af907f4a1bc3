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

#: How long another worker's purchase of the same fact is waited for in place, and how often it is looked for.
FLIGHT_SECONDS, FLIGHT_POLL_SECONDS = 2.0, 0.1


class Buyer:
    """Buys facts for every job of this process. All methods belong to one event loop."""

    def __init__(self, exchange: Exchange, lookups: Batcher[Want, StoredFact | Availability]) -> None:
        self.exchange = exchange
        self.provider = exchange.provider
        self.steering = exchange.steering
        self.rulebook = exchange.rulebook
        self._lookups = lookups
        self._under_way: dict[tuple[str, float], asyncio.Future[Fact[Any]]] = {}

    async def buy(
        self, claim: Claim, endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any]
    ) -> Mapping[str, Fact[A]]:
        """One fact per distinct subject: from the store, from a call already under way, or from a new one."""
        freshness = claim.settings.freshness.get(self.provider.service, self.provider.freshness_seconds)
        keys = {s: fact_key(self.exchange.source, endpoint.name, s, params) for s in dict.fromkeys(subjects)}
        # Who accepts older facts is not joined: what its look-up finds may be too old here.
        flights = {s: (key, freshness) for s, key in keys.items()}
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
            with self.steering.interruptible(claim.pipeline_id):
                facts[subject] = await asyncio.shield(future)
        return facts

    async def _obtain(self, claim: Claim, purchase: Purchase) -> None:
        """The facts nobody else of this process is after: what the store lacks is bought, in full calls.

        What another process is about to buy is waited for. Raises GateShut when that takes too long.
        """
        late = time.monotonic() + FLIGHT_SECONDS
        pending = list(purchase.keys)
        while pending:
            wanted = [self._want(claim, purchase, subject) for subject in pending]
            found = dict(zip(pending, await together([self._lookups.add(w) for w in wanted]), strict=True))
            purchase.tokens |= {
                s: w.token for s, w in zip(pending, wanted, strict=True) if found[s] is Availability.BUY
            }
            for subject, answer in found.items():
                if isinstance(answer, StoredFact) and (fact := _restore(purchase.endpoint, subject, answer)):
                    purchase.have(fact)
                    self.exchange.meter.from_store.inc()
            buy = [s for s in pending if s not in purchase.facts and found[s] is not Availability.TAKEN]
            await self._purchase_all(claim, purchase, buy)
            pending = [s for s in pending if s not in purchase.facts]
            if pending:
                if time.monotonic() > late:
                    raise GateShut(WaitReason.CONCURRENCY, FLIGHT_SECONDS)
                with self.steering.interruptible(claim.pipeline_id):
                    await asyncio.sleep(FLIGHT_POLL_SECONDS)

    def _want(self, claim: Claim, purchase: Purchase, subject: str) -> Want:
        return Want(
            purchase.keys[subject],
            purchase.freshness_seconds,
            claim.settings.started_at,
            claim.job_id,
            str(uuid7()),
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
        flights = [(purchase.keys[s], purchase.freshness_seconds) for s in subjects]
        committed.add_done_callback(lambda done: self._forget(done, flights))

    def _forget(self, committed: "asyncio.Future[bool]", flights: Sequence[tuple[str, float]]) -> None:
        seen(committed)
        for flight in flights:
            self._under_way.pop(flight, None)


def _restore(endpoint: Endpoint[A], subject: str, found: StoredFact) -> Fact[A] | None:
    """A stored answer, unless it was stored in a shape this version no longer reads."""
    try:
        answer = None if found.answer is None else msgspec.convert(found.answer, endpoint.answer)
    except msgspec.ValidationError:
        return None
    return Fact(subject, answer, found.ref, from_store=True)
