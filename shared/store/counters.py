"""Counters as delta rows, and the ends of pipelines that follow from them."""

from collections.abc import Sequence
from typing import cast

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("counters")


async def fold_counters(conn: Connection) -> None:
    """Replace delta rows by their sums."""
    await conn.execute(_SQL["fold_counters"])


async def end_pipelines(conn: Connection, mandatory: Sequence[str]) -> list[tuple[str, str]]:
    """End the pipelines with nothing open; (pipeline id, end state) of each."""
    cursor = await conn.execute(_SQL["end_pipelines"], {"mandatory": list(mandatory)})
    return cast("list[tuple[str, str]]", await cursor.fetchall())


async def find_closing(conn: Connection, closing: Sequence[str]) -> list[str]:
    """Running pipelines in which nothing is open but these phases, which have something due."""
    cursor = await conn.execute(_SQL["find_closing"], {"closing": list(closing)})
    return [cast("str", row[0]) for row in await cursor.fetchall()]
