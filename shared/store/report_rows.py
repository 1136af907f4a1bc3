"""The rows a report is made of, and the Digital Strength Index: what has been recorded, as of one moment."""

from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec

from shared.domain.phases import CLOSING
from shared.domain.report_coverage import PhaseCoverage
from shared.domain.report_rows import (
    AnalysisRow,
    CallRow,
    CompanyRow,
    Lineage,
    PageRow,
    ReportRows,
    SearchRow,
    VideoRow,
    VolumeRow,
)
from shared.domain.results import CompanyResult, Ranking, VideoResult
from shared.store import queries
from shared.store.identity import list_overrides
from shared.store.kept_reports import Marks, find_marks
from shared.store.pool import Connection
from shared.store.progress import phase_progress
from shared.store.snapshot import snapshot
from shared.store.waivers import list_waivers

__all__ = ["ReportRows", "marked_rows", "report_rows"]

_SQL = queries.load("report_rows")
_BLOCKS = msgspec.json.Decoder(tuple[str, ...])
_OWNERS = msgspec.json.Decoder(dict[str, tuple[str, ...]])


async def report_rows(conn: Connection, pipeline_id: UUID) -> ReportRows:
    """What has been recorded so far; all empty for an unknown pipeline. Opens a transaction of its own.

    Only what a report shows: rankings come without snippet, date and running time, analyses without evidence.
    """
    return (await marked_rows(conn, pipeline_id))[1]


async def marked_rows(conn: Connection, pipeline_id: UUID) -> tuple[Marks | None, ReportRows]:
    """The same, with the marks of the same moment."""
    async with snapshot(conn):
        return await find_marks(conn, pipeline_id), ReportRows(
            searches=await _searches(conn, pipeline_id),
            videos=await _videos(conn, pipeline_id),
            phases=await _phases(conn, pipeline_id),
            volumes=await _volumes(conn, pipeline_id),
            companies=await _companies(conn, pipeline_id),
            analyses=await _analyses(conn, pipeline_id),
            pages=await _pages(conn, pipeline_id),
            overrides=await list_overrides(conn),
            waivers=await list_waivers(conn, pipeline_id),
            calls=await _calls(conn, pipeline_id),
            lineage=await _lineage(conn, pipeline_id),
        )


async def _searches(conn: Connection, pipeline_id: UUID) -> list[SearchRow]:
    parameters = {"pipeline_id": pipeline_id}
    cursor = await conn.execute(_SQL["select_rankings"], parameters)
    ranked: dict[int, list[Ranking]] = {}
    rankings = cast("list[tuple[int, int, str, str, str, str]]", await cursor.fetchall())
    for item_id, position, url, domain, title, source in rankings:
        ranked.setdefault(item_id, []).append(Ranking(position, url, domain, title=title, source=source))
    cursor = await conn.execute(_SQL["select_searches"], parameters)
    searches = cast(
        "list[tuple[int, str, str, str, str, str | None, datetime | None]]", await cursor.fetchall()
    )
    return [
        SearchRow(
            item_id,
            keyword,
            region,
            content_type,
            tuple(ranked.get(item_id, ())),
            _BLOCKS.decode(blocks),
            None if owners is None else _OWNERS.decode(owners),
            searched_at,
        )
        for item_id, keyword, region, content_type, blocks, owners, searched_at in searches
    ]


async def _videos(conn: Connection, pipeline_id: UUID) -> list[VideoRow]:
    cursor = await conn.execute(_SQL["select_videos"], {"pipeline_id": pipeline_id})
    videos = cast("list[tuple[str, str]]", await cursor.fetchall())
    return [VideoRow(key, msgspec.json.decode(payload, type=VideoResult)) for key, payload in videos]


async def _volumes(conn: Connection, pipeline_id: UUID) -> list[VolumeRow]:
    cursor = await conn.execute(_SQL["select_volumes"], {"pipeline_id": pipeline_id})
    known = cast("list[tuple[str, str, int | None, int | None]]", await cursor.fetchall())
    return [VolumeRow(*row) for row in known]


async def _companies(conn: Connection, pipeline_id: UUID) -> list[CompanyRow]:
    cursor = await conn.execute(_SQL["select_companies"], {"pipeline_id": pipeline_id})
    companies = cast("list[tuple[str, str]]", await cursor.fetchall())
    return [CompanyRow(key, msgspec.json.decode(payload, type=CompanyResult)) for key, payload in companies]


async def _analyses(conn: Connection, pipeline_id: UUID) -> list[AnalysisRow]:
    cursor = await conn.execute(_SQL["select_analyses"], {"pipeline_id": pipeline_id})
    analyses = cast("list[tuple[str, str, str, str, str]]", await cursor.fetchall())
    scores = msgspec.json.Decoder(dict[str, float | None])
    return [AnalysisRow(page, scores.decode(given), *said) for page, given, *said in analyses]


async def _pages(conn: Connection, pipeline_id: UUID) -> list[PageRow]:
    cursor = await conn.execute(_SQL["select_pages"], {"pipeline_id": pipeline_id})
    fetched = cast("list[tuple[str, bool, str, int, str, str]]", await cursor.fetchall())
    return [PageRow(*row) for row in fetched]


async def _calls(conn: Connection, pipeline_id: UUID) -> list[CallRow]:
    cursor = await conn.execute(_SQL["select_call_sums"], {"pipeline_id": pipeline_id})
    sums = cast(
        "list[tuple[str, str, int, int, int | None, float | None, float | None]]", await cursor.fetchall()
    )
    return [
        CallRow(provider, endpoint, calls, in_doubt, subjects or 0, units, money)
        for provider, endpoint, calls, in_doubt, subjects, units, money in sums
    ]


async def _lineage(conn: Connection, pipeline_id: UUID) -> Lineage:
    cursor = await conn.execute(_SQL["count_lineage"], {"pipeline_id": pipeline_id, "closing": list(CLOSING)})
    (counts,) = cast("list[tuple[int, int]]", await cursor.fetchall())
    return Lineage(*counts)


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
