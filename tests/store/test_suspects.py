"""Items whose workers died: tried again as suspects, in ever smaller jobs, and given up only when they were alone."""

from uuid import UUID

import pytest

from shared.domain.phases import PHASES, SERP_COLLECTION
from shared.store import jobs
from shared.store.jobs import Claim
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

CRASH_LIMIT = 3
EXPIRED = -1.0


async def crash(conn: Connection, pipeline_id: UUID, chunk: int = 0) -> Claim:
    """A worker claims the largest job there may be of this chunk, and is never heard of again."""
    message = await dispatch(conn, pipeline_id, chunk or 100, chunk=chunk)
    held = await claim(conn, message, lease_seconds=EXPIRED)
    assert held
    await jobs.reap_jobs(conn, "serp", SERP_COLLECTION, CRASH_LIMIT)
    return held


async def test_what_crashes_workers_is_isolated_and_then_given_up(conn: Connection) -> None:
    """Suspects are tried as they were, then in parts; at the limit one without company fails and says why."""
    pipeline_id = await start_searches(conn, 5)
    seen = []
    for chunk in (0, 0, 5, 2, 1, 1):
        held = await crash(conn, pipeline_id, chunk)
        due = await jobs.count_due(conn, PHASES[SERP_COLLECTION], 100)
        seen.append((len(held.items), [(group.chunk, group.count) for group in due]))
    assert seen == [
        (5, [(0, 5)]),
        (5, [(5, 5)]),
        (5, [(2, 5)]),
        (2, [(1, 2), (2, 3)]),
        (1, [(1, 1), (2, 3)]),
        (1, [(2, 3)]),
    ]
    rows = await fetch(
        conn,
        "SELECT crashes, attempts, error_category, last_error FROM pipeline_state WHERE state = 'failed'",
    )
    assert rows == [(5, 0, "crash", "its worker died or hung while processing it (time 5)")] * 2


async def test_an_item_with_company_is_never_given_up(conn: Connection) -> None:
    """However often its workers die: it may have been the other one. Alone it has no more lives."""
    pipeline_id = await start_searches(conn, 2)
    await conn.execute("UPDATE pipeline_state SET crashes = 9")
    await crash(conn, pipeline_id)
    assert await fetch(conn, "SELECT chunk FROM ready") == [2, 2]
    await crash(conn, pipeline_id, chunk=2)
    assert await fetch(conn, "SELECT chunk FROM ready") == [1, 1]
    await crash(conn, pipeline_id, chunk=1)
    assert await fetch(conn, "SELECT state FROM pipeline_state ORDER BY 1") == ["failed", "pending"]


async def test_suspects_are_claimed_by_any_of_their_messages(conn: Connection) -> None:
    """They wait for their turn, and may be sent again meanwhile; all the same one message claims them."""
    pipeline_id = await start_searches(conn, 3)
    for chunk in (0, 0):
        await crash(conn, pipeline_id, chunk=chunk)
    first = await dispatch(conn, pipeline_id, 3, chunk=3)
    (second,) = await jobs.redispatch_jobs(conn, "serp", -1.0)
    assert (first.suspect, second.suspect) == (True, True)
    assert second.fence > first.fence
    assert await claim(conn, first)
    assert await claim(conn, second) is None
