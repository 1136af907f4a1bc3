"""Locks of the database that somebody waits for."""

from shared.store.pool import Connection
from shared.testing.eventually import eventually
from shared.testing.rows import fetch

_BLOCKED = "SELECT count(*)::int FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
#: Within a transaction, who was there at the first look is all one sees.
_LOOK_AGAIN = "SELECT pg_stat_clear_snapshot()"


async def until_blocked(conn: Connection) -> None:
    """Returns when somebody waits for a lock that `conn` holds."""

    async def is_blocked() -> bool:
        await conn.execute(_LOOK_AGAIN)
        return await fetch(conn, _BLOCKED) != [0]

    await eventually(is_blocked)
