"""The mirror: what this process hears of its provider's breaker goes into metrics, log and record, and back."""

import asyncio
from typing import Any, Protocol

from shared import log, metrics
from shared.broker.breaker import CircuitBreakerListener
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState
from shared.domain.phases import Phase
from shared.domain.provider import Provider
from shared.store.breakers import (
    ITSELF,
    count_breaker,
    get_breaker,
    give_up_due_items,
    hasten_breaker_items,
    save_breaker,
)
from shared.store.pool import Connection, Passing, Pool, unit_of_work

_log = log.get(__name__)

#: How often the leader holds the record against Redis. An order of an operator is carried out within two of these.
ROUND_SECONDS = 0.8
#: Values of the metric.
LEVELS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Memory(Protocol):
    """The gate, as far as it keeps the breaker."""

    breaker: Breaker

    async def look(self, known: Breaker | None = None) -> Breaker:
        """The breaker as Redis has it, after it was told of `known`. Raises OSError when Redis is away."""
        ...

    def tell(self, known: Breaker) -> None:
        """Tell Redis of `known` with the next round trip; it counts if it is later than what Redis has."""
        ...


class Mirror(CircuitBreakerListener):  # type: ignore[misc]  # aiobreaker has no types
    """Of one service's breaker. All methods belong to one event loop."""

    def __init__(self, pool: Pool, memory: Memory, provider: Provider, phase: Phase) -> None:
        self._pool = pool
        self._memory = memory
        self._provider = provider
        self._policy = provider.breaker
        self._phase = phase
        self._writing: set[asyncio.Task[None]] = set()
        self._level = metrics.BREAKER_STATE.labels(provider.name)
        self._level.set(0)
        self._transitions = {
            state: metrics.BREAKER_TRANSITIONS.labels(provider.name, state) for state in BreakerState
        }

    def follow(self, policy: BreakerPolicy) -> None:
        """What breaker and gate go by from now on."""
        self._policy = policy

    def state_change(self, *_: Any) -> None:
        """Every process that hears of a change writes it down; one of them is the first."""
        self._level.set(LEVELS[self._memory.breaker.state])
        task = asyncio.create_task(self._write(self._memory.breaker), name="mirror")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def recall(self, conn: Connection) -> None:
        """Before the first call: an open breaker is open for a process, and a Redis, that has just begun."""
        if known := await get_breaker(conn, self._provider.service):
            self._memory.tell(known)

    async def round(self) -> float:
        """Of the leader: carry out orders, restore what Redis has lost, write down what is missing."""
        service = self._provider.service
        async with self._pool.connection() as conn:
            known = await get_breaker(conn, service)
        breaker = await self._memory.look(known)
        await self._save(breaker)
        async with self._pool.connection() as conn:
            await count_breaker(conn, service, breaker, self._policy, self._provider.breaker)
        if breaker.since and not self._phase.mandatory:
            async with unit_of_work(self._pool) as conn:
                given_up = await give_up_due_items(conn, service, self._phase.name)
            if given_up:
                _log.warning("items_given_up", items=given_up, phase=self._phase.name)
        return ROUND_SECONDS

    async def _write(self, breaker: Breaker) -> None:
        try:
            await self._save(breaker)
        except Passing as error:  # the leader's next round does it
            _log.warning("breaker_not_recorded", error=str(error))

    async def _save(self, breaker: Breaker) -> None:
        service, reason = self._provider.service, explain(breaker, self._policy)
        async with unit_of_work(self._pool) as conn:
            first = await save_breaker(conn, service, breaker, actor=ITSELF, reason=reason)
            if first and breaker.state is BreakerState.CLOSED:
                await hasten_breaker_items(conn, self._phase.name)
        if first:
            self._transitions[breaker.state].inc()
            _log.warning(
                f"breaker_{breaker.state}", service=service, reason=reason, trips=breaker.trips,
                timeout_seconds=self._policy.timeout_seconds,
            )  # fmt: skip


def explain(breaker: Breaker, policy: BreakerPolicy) -> str:
    """Why a breaker is in the state it has come to by itself."""
    if breaker.state is BreakerState.CLOSED:
        return f"{policy.success_threshold} calls in a row succeeded" if breaker.epoch else ""
    if breaker.state is BreakerState.HALF_OPEN:
        return "its time is over: a few calls try whether the provider is back"
    if breaker.opened_at > breaker.since:
        return "it was tried out, and a call failed"
    if breaker.failures >= policy.failure_threshold:
        return f"{breaker.failures} calls in a row failed"
    return f"at least {policy.failure_share:.0%} of the calls of {policy.window_seconds:g} s failed"
