"""What people say about domains: whose they are, in place of what a provider matched."""

from typing import cast

from shared.domain.report_rows import Override
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("identity")


async def list_overrides(conn: Connection) -> list[Override]:
    """All of them, by domain."""
    cursor = await conn.execute(_SQL["select_overrides"])
    return [Override(*row) for row in cast("list[tuple[str, str, bool, str, str]]", await cursor.fetchall())]


async def override_company(conn: Connection, override: Override) -> None:
    """Say whose a domain is. Holds for every report from now on, whichever pipeline it is of."""
    await conn.execute(
        _SQL["upsert_override"],
        {
            "domain": override.domain,
            "name": override.name,
            "platform": override.platform,
            "actor": override.actor,
            "reason": override.reason,
        },
    )


async def drop_override(conn: Connection, domain: str) -> None:
    """Let a domain go by its match again. Raises NotFoundError when nobody said anything of it."""
    cursor = await conn.execute(_SQL["delete_override"], {"domain": domain})
    if await cursor.fetchone() is None:
        raise NotFoundError(f"nobody said whose {domain} is")
