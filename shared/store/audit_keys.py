"""Which items a pipeline must have: recomputed from its configuration and from what was found, then compared."""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any, Final, cast
from uuid import UUID

from shared.domain.phases import SERP_COLLECTION, found_in
from shared.domain.pipeline import PipelineConfig, search_items
from shared.domain.results import Ranking, SearchResult
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("audit")
#: Rows fetched, or keys made, between two chances for other work on the event loop.
_BLOCK: Final = 2000

Keys = dict[str, set[str]]
"""By phase."""


async def expected_keys(conn: Connection, pipeline_id: UUID, config: PipelineConfig) -> Keys:
    """Searches from the frozen configuration; everything further down from the rankings that are recorded."""
    expected: Keys = {phase: set() for phase in config.phases}
    items = search_items(config)
    while block := [item.key for item in islice(items, _BLOCK)]:
        expected[SERP_COLLECTION].update(block)
        await asyncio.sleep(0)
    async for result in _search_results(conn, pipeline_id):
        for item in found_in(SERP_COLLECTION, result, config.phases):
            expected[item.phase].add(item.key)
    return expected


async def actual_keys(conn: Connection, pipeline_id: UUID) -> Keys:
    """What there is."""
    actual: Keys = {}
    async for phase, key in _stream(conn, "select_keys", pipeline_id):
        actual.setdefault(phase, set()).add(key)
    return actual


async def _search_results(conn: Connection, pipeline_id: UUID) -> AsyncIterator[SearchResult]:
    current, rankings = None, list[Ranking]()
    async for item_id, position, url, domain in _stream(conn, "select_ranked", pipeline_id):
        if item_id != current:
            yield SearchResult(tuple(rankings))
            current, rankings = item_id, []
        rankings.append(Ranking(position, url, domain))
    yield SearchResult(tuple(rankings))


async def _stream(conn: Connection, query: str, pipeline_id: UUID) -> AsyncIterator[tuple[Any, ...]]:
    async with conn.cursor(query) as cursor:
        await cursor.execute(_SQL[query], {"pipeline_id": pipeline_id})
        while rows := await cursor.fetchmany(_BLOCK):
            for row in rows:
                yield cast("tuple[Any, ...]", row)
