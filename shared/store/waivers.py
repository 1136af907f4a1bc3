"""Waivers: gates of a pipeline's report that somebody lets pass, by name and with a reason."""

from datetime import datetime
from typing import cast
from uuid import UUID

from shared.domain.report_rows import Waiver
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("waivers")


async def list_waivers(conn: Connection, pipeline_id: UUID) -> list[Waiver]:
    """Of one pipeline, by gate."""
    cursor = await conn.execute(_SQL["select_waivers"], {"pipeline_id": pipeline_id})
    return [Waiver(*row) for row in cast("list[tuple[str, str, str, datetime]]", await cursor.fetchall())]


async def waive(conn: Connection, pipeline_id: UUID, gate: str, *, actor: str, reason: str) -> None:
    """Let a gate pass. The caller has seen to it that there is such a gate. Raises NotFoundError."""
    cursor = await conn.execute(
        _SQL["upsert_waiver"], {"pipeline_id": pipeline_id, "gate": gate, "actor": actor, "reason": reason}
    )
    if cursor.rowcount == 0:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")


async def take_back(conn: Connection, pipeline_id: UUID, gate: str) -> None:
    """Let a gate stand again. Raises NotFoundError when it was not waived."""
    cursor = await conn.execute(_SQL["delete_waiver"], {"pipeline_id": pipeline_id, "gate": gate})
    if await cursor.fetchone() is None:
        raise NotFoundError(f"the gate {gate} of this pipeline is not waived")
