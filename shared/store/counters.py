"""Counters as delta rows, and the ends of pipelines that follow from them."""

from collections.abc import Sequence
from typing import cast

from shared.domain.event import EventName
from shared.store import queries
from shared.store.events import emit, tell_phases
from shared.store.pool import Connection

_SQL = queries.load("counters")


async def fold_counters(conn: Connection) -> None:
    """Replace delta rows by their sums."""
    await conn.execute(_SQL["fold_counters"])


async def end_pipelines(conn: Connection, mandatory: Sequence[str]) -> list[tuple[str, str]]:
    """End the pipelines with nothing open; (pipeline id, end state) of each."""
    cursor = await conn.execute(_SQL["end_pipelines"], {"mandatory": list(mandatory)})
    ended = cast("list[tuple[str, str]]", await cursor.fetchall())
    if ended:
        await tell_phases(conn)  # before their pipelines
    for pipeline_id, state in ended:
        await emit(conn, EventName(f"pipeline.{state}"), pipeline_id=pipeline_id)
    return ended


async def find_closing(conn: Connection, closing: Sequence[str]) -> list[str]:
    """Running pipelines in which nothing is open but these phases, which have something due."""
    return await _closing(conn, closing, None)


async def is_closing(conn: Connection, pipeline_id: str, closing: Sequence[str]) -> bool:
    """Whether `find_closing` would find it; it stays so until the transaction ends."""
    await conn.execute(_SQL["keep_closing"], {"pipeline_id": pipeline_id})
    return await _closing(conn, closing, pipeline_id) != []


async def _closing(conn: Connection, closing: Sequence[str], pipeline_id: str | None) -> list[str]:
    cursor = await conn.execute(_SQL["find_closing"], {"closing": list(closing), "pipeline_id": pipeline_id})
    return [cast("str", row[0]) for row in await cursor.fetchall()]
