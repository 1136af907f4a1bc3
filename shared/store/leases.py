"""Named leases: who leads a service."""

from typing import cast

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("leases")


async def take_lease(conn: Connection, name: str, holder: str, lease_seconds: float) -> bool:
    """Take or renew; False while another holder's lease lasts."""
    parameters = {"name": name, "holder": holder, "lease": lease_seconds}
    cursor = await conn.execute(_SQL["take_lease"], parameters)
    return await cursor.fetchone() is not None


async def lease_left(conn: Connection, name: str) -> float:
    """Seconds until it is free, by the database's clock; 0 when it is."""
    cursor = await conn.execute(_SQL["lease_left"], {"name": name})
    row = cast("tuple[float] | None", await cursor.fetchone())
    return row[0] if row else 0.0


async def drop_lease(conn: Connection, name: str, holder: str) -> None:
    """Let the next one lead at once."""
    await conn.execute(_SQL["drop_lease"], {"name": name, "holder": holder})
