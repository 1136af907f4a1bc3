"""Connections to Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[tuple[object, ...]]
Pool = AsyncConnectionPool[Connection]

#: The database is away, full, restarting or found a deadlock: the same statement may work later.
Unavailable = psycopg.OperationalError
#: Its disk is full: what it has can be read, but nothing recorded. One of Unavailable.
Full = psycopg.errors.DiskFull
#: As Unavailable, and a database that has become read-only (a standby after a fail-over, a full disk) or has ended the
#: session of a process that was stopped in the middle of a transaction.
Passing = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
#: The content itself is refused and always will be. Ask for it first: one of them is an OperationalError too.
Unstorable = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)

#: A statement that runs longer than this is a bug; loading a pipeline of a million items takes about 15 s.
STATEMENT_TIMEOUT_SECONDS = 60
#: A process that is stopped in the middle of a transaction lets go of its locks after this long.
HUNG_SECONDS = 30.0
#: The first Postgres that has `transaction_timeout`.
_TRANSACTION_TIMEOUT = 170_000
#: A peer that vanished without a word is noticed within about 15 s instead of the kernel's 15 minutes.
TCP: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def build_pool(url: str, *, size: int = 6, name: str = "landscape", check: bool = True) -> Pool:
    """A closed pool; open it on the event loop that will use it.

    With `check` every connection is tried before it is handed out. It costs a round trip each time; who
    repeats what failed can do without, and loses up to `size` tries when Postgres restarts.
    """
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=size,
        open=False,
        name=name,
        timeout=10,
        check=AsyncConnectionPool.check_connection if check else None,
        kwargs={
            "autocommit": True,
            "application_name": name,
            **TCP,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s -c idle_in_transaction_session_timeout={HUNG_SECONDS:g}s -c timezone=UTC",
        },
    )


@asynccontextmanager
async def unit_of_work(pool: Pool) -> AsyncIterator[Connection]:
    """One connection, one transaction. Inner code never commits."""
    async with pool.connection() as connection, connection.transaction():
        yield connection


@asynccontextmanager
async def pipelined_unit_of_work(pool: Pool) -> AsyncIterator[Connection]:
    """As `unit_of_work`, without waiting for a statement's result before the next is sent; fetching waits.

    On a busy event loop each wait costs more than most statements. COPY cannot be pipelined. Between the statements of a
    pipeline a session is not idle to Postgres, so that only a timeout of the whole ends one whose process hangs there.
    """
    async with pool.connection() as connection, connection.pipeline(), connection.transaction():
        if connection.info.server_version >= _TRANSACTION_TIMEOUT:
            await connection.execute(f"SET LOCAL transaction_timeout = '{HUNG_SECONDS:g}s'".encode())
        yield connection
