"""One job: claim it, cut it into calls, record what came of every item, give the lease back."""

import asyncio
import random
import time
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from shared import log, tracing
from shared.domain.blame import Patience, blame, held_up
from shared.domain.category import ErrorCategory
from shared.domain.gate import GateShut
from shared.domain.item import Item, WaitReason
from shared.domain.message import Message
from shared.domain.phases import Phase
from shared.domain.provider import Endpoint, Fact, Handle
from shared.errors import ProviderError
from shared.runtime import fault_points, verdict
from shared.runtime.batching import together
from shared.runtime.call import Buyer
from shared.runtime.exchange import Draining, LeaseLost
from shared.runtime.heartbeat import Heartbeat
from shared.runtime.item_meter import COMPLETED, HANDED_BACK, LOST, ItemMeter
from shared.runtime.recorder import Recorder
from shared.runtime.turns import Turns
from shared.store import jobs
from shared.store.jobs import Claim, PipelineSettings
from shared.store.outcomes import Record
from shared.store.pool import Passing, Pool, Unstorable, unit_of_work

_log = log.get(__name__)
A = TypeVar("A", bound=msgspec.Struct)

#: An item whose try was cut short by a store being away is due again after this. Seconds.
INTERRUPTED_SECONDS = 1.0
#: After a restart of Postgres the pool may hand out this many dead connections in a row, and one alive.
CLAIM_TRIES = 8


class Processor:
    """Works on jobs of one phase. All methods belong to one event loop."""

    def __init__(
        self,
        handle: Handle,
        *,
        phase: Phase,
        holder: str,
        lease_seconds: float,
        pool: Pool,
        buyer: Buyer,
        recorder: Recorder,
        heartbeat: Heartbeat,
    ) -> None:
        self._handle = handle
        self._phase = phase
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._pool = pool
        self._buyer = buyer
        self._recorder = recorder
        self._heartbeat = heartbeat
        self._works: set[asyncio.Task[None]] = set()
        self._known: dict[str, PipelineSettings] = {}
        self._turns = Turns()
        self._meter = ItemMeter(phase)

    async def process(self, message: Message) -> None:
        """Claim the message's job and account for each of its items. A void message does nothing."""
        async with self._turns.turn(suspect=message.suspect):
            await self._process(message)

    async def _process(self, message: Message) -> None:
        if self._buyer.exchange.draining:
            return
        claim = await self._claim(message)
        if claim is None:
            return
        fault_points.passing("after_claim")
        job: dict[str, tracing.Value] = {
            "pipeline_id": claim.pipeline_id,
            "phase": claim.phase,
            "job_id": claim.job_id,
        }
        message_id = f"{message.job_id}.{message.fence}"
        span: dict[str, tracing.Value] = {
            "messaging.system": "dramatiq",
            "messaging.destination.name": self._phase.queue,
            "messaging.operation.type": "process",
            "messaging.message.id": message_id,
            "landscape.items": len(claim.items),
        }
        span |= {f"landscape.{name}": value for name, value in job.items()}
        with (
            log.bound(**job, message_id=message_id),
            tracing.job(claim.pipeline_id, message.traceparent, span),
        ):
            await self._carry_out(claim)

    async def _carry_out(self, claim: Claim) -> None:
        self._meter.job_claimed(claim)
        _log.debug("job_claimed", items=len(claim.items), waited_seconds=round(claim.waited_seconds, 3))
        work = asyncio.create_task(self._work(claim))
        self._works.add(work)
        try:
            with self._heartbeat.watch(claim.job_id, work), self._buyer.steering.hold(claim.pipeline_id):
                await asyncio.wait([work])
        finally:
            self._works.discard(work)
            work.cancel()  # has ended, unless this was cancelled: by Dramatiq's time limit
        if not work.cancelled():
            work.result()  # raises what should never be: the lease runs out and the reaper returns the items
        elif self._buyer.exchange.draining:
            await self._recorder.drain()
        else:  # whoever has the job now accounts for it
            self._end(claim, LOST)
            return
        await self._complete(claim)
        self._end(claim, HANDED_BACK if work.cancelled() else COMPLETED)

    def _end(self, claim: Claim, outcome: str) -> None:
        self._meter.job_ended(outcome)
        duration = time.monotonic() - claim.claimed_at
        _log.debug("job_ended", outcome=outcome, items=len(claim.items), duration_seconds=round(duration, 4))

    async def _claim(self, message: Message) -> Claim | None:
        for _ in range(CLAIM_TRIES):
            try:
                async with unit_of_work(self._pool) as conn:
                    return await jobs.claim_job(
                        conn,
                        message,
                        phase=self._phase.name,
                        context=self._phase.context,
                        reads=self._phase.reads,
                        holder=self._holder,
                        lease_seconds=self._lease_seconds,
                        known=self._known,
                    )
            except Passing as error:
                _log.warning("claim_failed", job_id=message.job_id, error=str(error))
        return None  # the job is dispatched again, or its lease runs out

    async def drain(self, seconds: float) -> None:
        """Start no more calls; let those in flight end and be recorded, then cut the rest short."""
        self._buyer.exchange.draining = True
        if self._works:
            _, late = await asyncio.wait(self._works, timeout=seconds)
            for work in late:
                work.cancel()
            if late:
                await asyncio.wait(late)
        await self._recorder.drain()

    async def _work(self, claim: Claim) -> None:
        size = self._buyer.provider.items_per_call
        async with asyncio.TaskGroup() as group:
            for n in range(0, len(claim.items), size):
                part = claim.items[n : n + size]
                group.create_task(self._part(claim, part, Patience.of(len(part))))

    async def _part(self, claim: Claim, items: Sequence[Item], patience: Patience) -> None:
        """The items of one `handle`; each ends recorded."""
        attempts = {item.item_id: item.attempts for item in items}
        try:
            with log.bound(**_said(items)):
                units, again = await self._try(claim, items, patience)
        except LeaseLost:
            return
        except asyncio.CancelledError:
            self._give_back(claim, items)
            raise
        await together([self._record(claim, unit, attempts) for unit in units])
        for n, part in enumerate(again):
            try:
                await self._part(claim, part, patience)
            except asyncio.CancelledError:
                for untried in again[n + 1 :]:
                    self._give_back(claim, untried)
                raise

    async def _try(
        self, claim: Claim, items: Sequence[Item], patience: Patience
    ) -> tuple[list[Record], Sequence[Sequence[Item]]]:
        """(what became of items, those to be handled again in parts)."""

        def call(
            endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any] | None = None
        ) -> Awaitable[Mapping[str, Fact[A]]]:
            return self._buyer.buy(claim, endpoint, subjects, params or {})

        try:
            outcomes = await self._handle(items, call)
            return [verdict.ended(claim, item, outcomes.get(item.item_id)) for item in items], ()
        except ProviderError as error:
            retry, refused = self._buyer.provider.retry, items
            again: Sequence[Sequence[Item]] = ()
            rule = self._buyer.rulebook.categorize(error)
            if rule.category is ErrorCategory.NON_RECOVERABLE and not rule.whole:
                blamed = blame(items, error, patience)
                refused, again = blamed.refused, blamed.again
            chance = random.random()  # noqa: S311 - no secret depends on it
            return [
                verdict.refused(claim, item, retry, rule, error, random=lambda: chance) for item in refused
            ], again
        except GateShut as shut:
            held = held_up(items, shut, patience)
            return [verdict.shut(claim, item, shut) for item in held.refused], held.again
        except LeaseLost:
            raise
        except Passing as error:
            reason, pause = WaitReason.RETRY, INTERRUPTED_SECONDS
            return [verdict.waiting(claim, item, reason, pause, error) for item in items], ()
        except Exception as error:  # noqa: BLE001
            # A defect of ours. It is never retried as if it were the provider's: the items fail and say so.
            _log.exception("bug", phase=claim.phase, job_id=claim.job_id)
            text = f"{type(error).__name__}: {error}"
            return [verdict.failed(claim, item, verdict.BUG, text) for item in items], ()

    def _give_back(self, claim: Claim, items: Sequence[Item]) -> None:
        """Cut short by a shutdown: the items are due again at once. With the lease lost they are somebody else's."""
        if self._buyer.exchange.draining:
            for item in items:
                self._recorder.add(verdict.shut(claim, item, Draining()))

    async def _record(self, claim: Claim, unit: Record, attempts: Mapping[int, int]) -> None:
        ending = unit.ending
        if ending is None:
            raise AssertionError("an item needs an ending")
        try:
            moved = await self._recorder.add(unit)
        except Unstorable as error:
            reason = f"its result cannot be stored: {error}"
            (item,) = (item for item in claim.items if item.item_id == ending.item_id)
            unit = verdict.failed(claim, item, verdict.BUG, reason)
            ending = unit.ending or ending
            moved = await self._recorder.add(unit)
        if moved:
            self._meter.item_ended(claim, unit, ending, attempts[ending.item_id])

    async def _complete(self, claim: Claim) -> None:
        """Give the lease back. Without the database the lease expires by itself."""
        try:
            async with self._pool.connection() as conn:
                await jobs.complete_job(conn, claim.job_id, claim.fence)
        except Passing as error:
            _log.warning("job_not_completed", job_id=claim.job_id, error=str(error))


def _said(items: Sequence[Item]) -> dict[str, Any]:
    """What a line from the handling of these items says of them."""
    if len(items) == 1:
        return {"item_id": items[0].item_id, "attempt": items[0].attempts + 1}
    return {"items": len(items)}
