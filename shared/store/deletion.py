"""Deleting a pipeline, in parts that each take a moment: begun by an operator, ended by him or by housekeeping."""

from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.errors import ConflictError
from shared.store import control, queries
from shared.store.control import Act
from shared.store.doubts import wake_in_doubt
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection, Pool, unit_of_work

_SQL = queries.load("deletion")

#: Items, or jobs, that are deleted in one transaction.
CHUNK: Final = 5_000


class Deleted(msgspec.Struct, frozen=True):
    """What somebody who deletes has come to."""

    items: int
    ended: bool
    """It was this one who ended it; False while another one has a part in hand, or when it is gone already."""


async def begin_deletion(conn: Connection, pipeline_id: UUID, act: Act) -> None:
    """Nobody finds it any more, nor waits for its purchases in doubt. One transaction, the caller's. Raises NotFoundError, and ConflictError unless it has ended."""
    pipeline = await get_pipeline_state(conn, pipeline_id)
    cursor = await conn.execute(_SQL["begin_deletion"], {"pipeline_id": pipeline_id})
    if await cursor.fetchone() is None:
        raise ConflictError(
            f"pipeline {pipeline_id} is {pipeline.state}; cancel it, and delete it when its calls in flight have ended"
        )
    if await _number(conn, "forget_doubts", {"pipeline_id": pipeline_id}):
        await wake_in_doubt(conn)
    await control.note(conn, pipeline_id, "delete", act, state=pipeline.state)


async def find_deleting(conn: Connection) -> list[UUID]:
    """Pipelines of which something is left."""
    cursor = await conn.execute(_SQL["find_deleting"])
    return [cast("UUID", row[0]) for row in await cursor.fetchall()]


async def go_on_deleting(pool: Pool, pipeline_id: UUID) -> Deleted:
    """Delete what is left, part by part. Any number may do it at once, and stop at any moment."""
    parameters = {"pipeline_id": pipeline_id, "limit": CHUNK}
    items = 0
    for query in ("delete_next_items", "delete_jobs"):
        deleted = 1
        while deleted:
            async with unit_of_work(pool) as conn:
                await control.expect_many(conn)
                deleted = await _number(conn, query, parameters)
            items += deleted if query == "delete_next_items" else 0
    async with unit_of_work(pool) as conn:
        await conn.execute(_SQL["lock_deleting"], parameters)
        ended = bool(await _number(conn, "end_deletion", parameters))
    return Deleted(items, ended)


async def _number(conn: Connection, query: str, parameters: dict[str, Any]) -> int:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]
