"""Reading a pipeline as of one moment while it goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.store.pool import Connection

#: Not among the named queries, because it cannot be prepared.
_SET_SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@asynccontextmanager
async def snapshot(conn: Connection) -> AsyncIterator[None]:
    """A read-only transaction whose statements all see the same moment. `conn` must not be in one already."""
    async with conn.transaction():
        await conn.execute(_SET_SNAPSHOT)
        yield
