"""Named leases: who leads a service."""

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("leases")


async def take_lease(conn: Connection, name: str, holder: str, lease_seconds: float) -> bool:
    """Take or renew; False while another holder's lease lasts."""
    parameters = {"name": name, "holder": holder, "lease": lease_seconds}
    cursor = await conn.execute(_SQL["take_lease"], parameters)
    return await cursor.fetchone() is not None


async def drop_lease(conn: Connection, name: str, holder: str) -> None:
    """Let the next one lead at once."""
    await conn.execute(_SQL["drop_lease"], {"name": name, "holder": holder})
