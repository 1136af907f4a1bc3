"""The inside of a worker process, without Dramatiq and Redis: messages are handed to it by the test."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.domain.gate import GatePolicy
from shared.domain.phases import of_service
from shared.domain.provider import Handle
from shared.runtime.batching import Batcher
from shared.runtime.call import Buyer
from shared.runtime.exchange import Admission, Exchange
from shared.runtime.heartbeat import Heartbeat
from shared.runtime.http import Account, Wire
from shared.runtime.process import Processor
from shared.runtime.recorder import Recorder
from shared.runtime.rulebook import Rulebook
from shared.store.calls import Intent, StoredFact
from shared.store.heartbeats import Heartbeats
from shared.store.ledger import Ledger
from shared.store.lookups import Availability, Want, look_up
from shared.store.pool import Pool, build_pool
from shared.testing.gate import FakeGate
from shared.testing.jobs import HOLDER
from shared.testing.provider import ScriptedProvider


@dataclass(frozen=True, slots=True)
class Worker:
    """Its parts."""

    pool: Pool
    gate: Admission
    buyer: Buyer
    recorder: Recorder
    processor: Processor
    rulebook: Rulebook


@asynccontextmanager
async def open_worker(
    postgres_url: str,
    scripted: ScriptedProvider,
    *,
    handle: Handle | None = None,
    gate: Admission | None = None,
    holder: str = HOLDER,
    lease_seconds: float = 30.0,
    unit_price: float | None = None,
) -> AsyncIterator[Worker]:
    """A worker of the scripted provider, with its own `handle` unless given another."""
    provider = scripted.provider
    heartbeat = Heartbeat(Heartbeats(postgres_url, holder), lease_seconds)
    async with build_pool(postgres_url) as pool:
        ledger = Ledger(provider.limits.units_per_day or None)

        async def insert(intents: Sequence[Intent]) -> list[str]:
            async with pool.connection() as conn:
                return await ledger.insert(conn, intents)

        async def find(wants: Sequence[Want]) -> list[StoredFact | Availability]:
            async with pool.connection() as conn:
                return await look_up(conn, wants)

        recorder = Recorder(pool, provider.service)
        rulebook = Rulebook(provider)
        gate = gate or FakeGate(GatePolicy.of(provider.limits, wait_seconds=2.0))
        wire = Wire(provider, Account("key"), provider.limits.concurrency, scripted.transport)
        exchange = Exchange(
            provider,
            wire,
            gate=gate,
            intents=Batcher(insert),
            recorder=recorder,
            unit_price=unit_price,
            rulebook=rulebook,
        )
        buyer = Buyer(exchange, Batcher(find))
        processor = Processor(
            handle or scripted.handle,
            phase=of_service(provider.service),
            holder=holder,
            lease_seconds=lease_seconds,
            pool=pool,
            buyer=buyer,
            recorder=recorder,
            heartbeat=heartbeat,
        )
        heartbeat.start()
        try:
            yield Worker(pool, gate, buyer, recorder, processor, rulebook)
        finally:
            await processor.drain(0.0)
            heartbeat.stop()
            await wire.aclose()
