"""Processes of the services: each says that it is there, and the record says what it does."""

from datetime import datetime
from typing import Any, Final, cast

import msgspec

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("workers")

#: Pause between two signs of life.
BEAT_SECONDS: Final = 5.0
#: A process that gave none for this long is not alive; two may be lost.
ALIVE_SECONDS: Final = 3 * BEAT_SECONDS
#: It is shown for this long nevertheless.
SHOWN_SECONDS: Final = 60 * 60.0


class Presence(msgspec.Struct, frozen=True):
    """What a process says of itself."""

    holder: str
    service: str
    version: str
    host: str
    pid: int
    threads: int


class Worker(msgspec.Struct, frozen=True):
    """A process of a service."""

    holder: str
    service: str
    version: str
    host: str
    pid: int
    threads: int
    """Jobs it holds at once."""
    started_at: datetime
    seen_at: datetime
    """Its last sign of life."""
    alive: bool
    """Seen within ALIVE_SECONDS."""
    jobs: int
    """It holds now."""
    calls: int
    """Under way in these."""
    leads: list[str]
    """Services whose leader it is, and `housekeeping`."""


async def save_worker(conn: Connection, presence: Presence) -> None:
    """It is there; and who has not been seen for SHOWN_SECONDS is forgotten."""
    await conn.execute(_SQL["save_worker"], msgspec.structs.asdict(presence))
    await conn.execute(_SQL["forget_workers"], {"seconds": SHOWN_SECONDS})


async def delete_worker(conn: Connection, holder: str) -> None:
    """It has stopped."""
    await conn.execute(_SQL["delete_worker"], {"holder": holder})


async def list_workers(conn: Connection) -> list[Worker]:
    """All on record, by service, the oldest first."""
    cursor = await conn.execute(_SQL["list_workers"], {"seconds": ALIVE_SECONDS})
    return [Worker(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]
