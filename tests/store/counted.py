"""Figures that are kept as they come about, held against a count of the rows they stand for."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.store.failed_items import count_failed_items, list_failed_items
from shared.store.pool import Connection
from shared.store.retry_history import retry_statistics
from shared.store.snapshot import snapshot
from shared.testing.rows import fetch

FAILED = """
    SELECT i.phase, coalesce(s.error_category, ''), array_agg(i.item_id ORDER BY i.item_id)
    FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)
    WHERE s.pipeline_id = %s AND (s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable')
    GROUP BY 1, 2 ORDER BY 1, 2"""
RETRIES = """
    SELECT h.phase, h.category, sum(h.tries)::int, sum(h.retries)::int, count(*)::int,
           count(*) FILTER (WHERE s.state = 'completed')::int
    FROM (SELECT pipeline_id, item_id, phase, category, count(*) AS tries, count(next_at) AS retries
          FROM retry_history WHERE recorded_at >= %s GROUP BY 1, 2, 3, 4) h
    LEFT JOIN pipeline_state s USING (pipeline_id, item_id)
    GROUP BY 1, 2 ORDER BY 1, 2"""
CALLS = """
    SELECT date_trunc('minute', sent_at, 'UTC'), provider, count(*)::int, coalesce(sum(units), 0)
    FROM provider_calls GROUP BY 1, 2 ORDER BY 1, 2"""
COUNTED_CALLS = """
    SELECT minute, provider, sum(calls)::int, sum(units) FROM provider_counters GROUP BY 1, 2 ORDER BY 1, 2"""
#: A minute goes by.
AGED = """
    UPDATE retry_history SET recorded_at = recorded_at - interval '1 min';
    UPDATE retry_counters SET minute = minute - interval '1 min'"""
PAGE = 3


async def assert_counted(conn: Connection) -> None:
    """Failed items by kind and page by page, attempts since several moments, calls by the minute; all of one moment."""
    async with snapshot(conn):
        for pipeline_id in await fetch(conn, "SELECT pipeline_id FROM pipelines WHERE NOT deleting"):
            await _assert_failed(conn, pipeline_id)
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        for since in (datetime.fromtimestamp(0, UTC), *(minute - timedelta(minutes=n) for n in range(3))):
            found = [
                (s.phase, s.category, s.attempts, s.retries, s.items, s.recovered)
                for s in await retry_statistics(conn, since)
            ]
            assert found == await fetch(conn, RETRIES, since), since
        assert await fetch(conn, COUNTED_CALLS) == await fetch(conn, CALLS)


async def _assert_failed(conn: Connection, pipeline_id: UUID) -> None:
    kinds = await fetch(conn, FAILED, pipeline_id)
    groups = await count_failed_items(conn, pipeline_id)
    assert [(g.phase, g.category, g.items) for g in groups] == [(p, c, len(ids)) for p, c, ids in kinds]
    assert await _listed(conn, pipeline_id, None, None) == sorted(n for _, _, ids in kinds for n in ids)
    for phase, category, ids in kinds:
        assert await _listed(conn, pipeline_id, phase, category) == ids


async def _listed(conn: Connection, pipeline_id: UUID, phase: str | None, category: str | None) -> list[int]:
    found: list[int] = []
    while page := await list_failed_items(
        conn,
        pipeline_id,
        phase=phase,
        category=category,
        after=found[-1] if found else 0,
        limit=PAGE,
    ):
        found += [item.item_id for item in page]
    return found
