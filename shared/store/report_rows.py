"""The rows a report is made of: completed searches, completed videos, and how much is missing."""

from typing import cast
from uuid import UUID

import msgspec

from shared.domain.report import PhaseCoverage, SearchRow, VideoRow
from shared.domain.results import Ranking, VideoResult
from shared.store import queries
from shared.store.pool import Connection
from shared.store.progress import phase_progress
from shared.store.snapshot import snapshot

_SQL = queries.load("report_rows")


class ReportRows(msgspec.Struct, frozen=True):
    """All of one moment."""

    searches: list[SearchRow]
    videos: list[VideoRow]
    phases: list[PhaseCoverage]


async def report_rows(conn: Connection, pipeline_id: UUID) -> ReportRows:
    """What has been recorded so far; all empty for an unknown pipeline. Opens a transaction of its own.

    Rankings come without snippet, date and running time, which no report shows.
    """
    async with snapshot(conn):
        return ReportRows(
            searches=await _searches(conn, pipeline_id),
            videos=await _videos(conn, pipeline_id),
            phases=await _phases(conn, pipeline_id),
        )


async def _searches(conn: Connection, pipeline_id: UUID) -> list[SearchRow]:
    parameters = {"pipeline_id": pipeline_id}
    cursor = await conn.execute(_SQL["select_rankings"], parameters)
    ranked: dict[int, list[Ranking]] = {}
    rankings = cast("list[tuple[int, int, str, str, str, str]]", await cursor.fetchall())
    for item_id, position, url, domain, title, source in rankings:
        ranked.setdefault(item_id, []).append(Ranking(position, url, domain, title=title, source=source))
    cursor = await conn.execute(_SQL["select_searches"], parameters)
    searches = cast("list[tuple[int, str, str, str]]", await cursor.fetchall())
    return [SearchRow(*search, tuple(ranked.get(search[0], ()))) for search in searches]


async def _videos(conn: Connection, pipeline_id: UUID) -> list[VideoRow]:
    cursor = await conn.execute(_SQL["select_videos"], {"pipeline_id": pipeline_id})
    videos = cast("list[tuple[str, str]]", await cursor.fetchall())
    return [VideoRow(key, msgspec.json.decode(payload, type=VideoResult)) for key, payload in videos]


async def _phases(conn: Connection, pipeline_id: UUID) -> list[PhaseCoverage]:
    return [
        PhaseCoverage(
            phase=phase.phase,
            planned=phase.planned,
            completed=phase.completed,
            failed=phase.failed,
            skipped=phase.skipped,
            open=phase.pending + phase.processing,
            degraded=phase.degraded,
        )
        for phase in await phase_progress(conn, pipeline_id)
    ]
