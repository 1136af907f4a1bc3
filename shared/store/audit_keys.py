"""Which items a pipeline must have: recomputed from its configuration and from what was found, then compared."""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.domain.phases import Phase, feeding, found_in
from shared.domain.pipeline import PipelineConfig, start_items
from shared.domain.results import Ranking, SearchResult
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("audit")
#: Rows fetched, or keys made, between two chances for other work on the event loop.
_BLOCK: Final = 2000

Keys = dict[str, set[str]]
"""By phase."""


async def expected_keys(conn: Connection, pipeline_id: UUID, config: PipelineConfig) -> Keys:
    """What the frozen configuration names; everything further down from the results that are recorded."""
    expected: Keys = {phase: set() for phase in config.phases}
    items = start_items(config)
    while block := list(islice(items, _BLOCK)):
        for item in block:
            expected[item.phase].add(item.key)
        await asyncio.sleep(0)
    for phase in feeding(config.phases):
        async for key, result in results_of(conn, pipeline_id, phase):
            for item in found_in(phase.name, key, result, config.rules):
                expected[item.phase].add(item.key)
    return expected


async def actual_keys(conn: Connection, pipeline_id: UUID) -> Keys:
    """What there is."""
    actual: Keys = {}
    async for phase, key in _stream(conn, "select_keys", pipeline_id):
        actual.setdefault(phase, set()).add(key)
    return actual


async def results_of(
    conn: Connection, pipeline_id: UUID, phase: Phase
) -> AsyncIterator[tuple[str, msgspec.Struct]]:
    """(key, result) of a phase's completed items, as far as others are found in it."""
    if phase.result is SearchResult:
        async for found in _searches(conn, pipeline_id):
            yield found
        return
    async for key, payload in _stream(conn, "select_results", pipeline_id, phase=phase.name):
        yield key, msgspec.json.decode(payload, type=phase.result)


async def _searches(conn: Connection, pipeline_id: UUID) -> AsyncIterator[tuple[str, SearchResult]]:
    current, rankings = "", list[Ranking]()
    async for key, position, url, domain in _stream(conn, "select_ranked", pipeline_id):
        if key != current:
            if rankings:
                yield current, SearchResult(tuple(rankings))
            current, rankings = key, []
        rankings.append(Ranking(position, url, domain))
    if rankings:
        yield current, SearchResult(tuple(rankings))


async def _stream(
    conn: Connection, query: str, pipeline_id: UUID, **parameters: str
) -> AsyncIterator[tuple[Any, ...]]:
    async with conn.cursor(query) as cursor:
        await cursor.execute(_SQL[query], {"pipeline_id": pipeline_id, **parameters})
        while rows := await cursor.fetchmany(_BLOCK):
            for row in rows:
                yield cast("tuple[Any, ...]", row)
