"""What the tests of buying share: a job, a worker around a scripted provider, the ledger."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.domain.gate import GatePolicy
from shared.domain.provider import Fact
from shared.store.jobs import Claim
from shared.store.pool import Connection
from shared.testing.gate import FakeGate
from shared.testing.jobs import hold
from shared.testing.provider import Answer, ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker

LEDGER = "SELECT state, outcome, status, units, money FROM provider_calls ORDER BY call_id"
CALLERS = 100
#: Calls the gate lets through at once.
AT_ONCE = 10
PRICE = 0.25


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(per_call=3)


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate(GatePolicy(AT_ONCE, wait_seconds=0.2))


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider, gate: FakeGate) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider, gate=gate, unit_price=PRICE) as worker:
        yield worker
        assert gate.in_flight == set()


@pytest.fixture
async def job(conn: Connection) -> Claim:
    return await hold(conn)


class Buying:
    """Buys of the scripted provider for one job."""

    def __init__(self, worker: Worker, provider: ScriptedProvider) -> None:
        self._worker = worker
        self._provider = provider

    async def __call__(self, job: Claim, *subjects: str, **params: Any) -> dict[str, Fact[Answer]]:
        return dict(await self._worker.buyer.buy(job, self._provider.endpoint, subjects, params))

    def many(self, job: Claim, *subjects: str) -> "list[asyncio.Task[dict[str, Fact[Answer]]]]":
        return [asyncio.create_task(self(job, *subjects)) for _ in range(CALLERS)]


@pytest.fixture
def buy(worker: Worker, provider: ScriptedProvider) -> Buying:
    return Buying(worker, provider)


class Server:
    """A reply that waits in the middle until it may answer."""

    def __init__(self, response: httpx.Response | None = None) -> None:
        self.reached = asyncio.Event()
        self.may_answer = asyncio.Event()
        self._response = response

    async def __call__(self, subjects: list[str]) -> httpx.Response:
        self.reached.set()
        await self.may_answer.wait()
        return self._response or answers(subjects)


async def ledger(worker: Worker, conn: Connection) -> list[Any]:
    """The ledger, once everything is written."""
    await worker.recorder.drain()
    return await fetch(conn, LEDGER)
