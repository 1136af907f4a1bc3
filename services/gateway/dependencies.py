"""What handlers are given: the record and the settings that matter to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from litestar.datastructures import State

from shared.broker.dead_letters import DeadMessages
from shared.domain.pipeline import DataSource
from shared.domain.standing import Memory
from shared.store.pool import Connection, Pool, unit_of_work

#: Fewer than half of the connections there are.
HOLDERS: Final = 3
#: Answers None when all is well, else says why not.
Ping = Callable[[], Awaitable[str | None]]
#: What Redis remembers of a provider's gate. Raises OSError when Redis is away.
Remember = Callable[[str], Awaitable[Memory]]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything the handlers share; the composition root makes one."""

    pool: Pool
    data_source: DataSource
    """Who answers the pipelines started here."""
    services: tuple[str, ...]
    """Services that run here; empty means all of them."""
    model: str
    """Of the language model, for pipelines that name none."""
    ping_redis: Ping | None
    """None: this process was not told of any Redis."""
    dead_messages: DeadMessages | None = None
    """Likewise."""
    remember: Remember | None = None
    """Likewise."""
    holders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HOLDERS))
    """Requests that may hold one connection while they use others."""
    private_webhooks: bool = False
    """Messages may also go into private networks."""

    def unit_of_work(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in a transaction."""
        return unit_of_work(self.pool)

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[Connection]:
        """As `unit_of_work`, and nothing of it stays: a dry run does the work itself, so that what it tells is exact.

        It takes the same time, and holds the same rows until it is taken back.
        """
        async with self.pool.connection() as conn, conn.transaction(force_rollback=True):
            yield conn

    def connection(self, *, timeout_seconds: float | None = None) -> AbstractAsyncContextManager[Connection]:
        """A connection outside any transaction. Raises Unavailable when there is none in time."""
        return self.pool.connection(timeout=timeout_seconds)


async def provide_gateway(state: State) -> Gateway:
    """The one of this application."""
    gateway: Gateway = state.gateway
    return gateway
