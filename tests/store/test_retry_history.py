"""The history of attempts: one row per try that ended in an error, and what can be learnt from it."""

from datetime import UTC, datetime

import pytest

from shared.domain.category import categorize
from shared.domain.results import SearchResult
from shared.errors import AnswerError, ProviderError, StatusError, TransportError
from shared.store.jobs import Claim
from shared.store.outcomes import Ending, Evidence, Record, record
from shared.store.pool import Connection, Pool, pipelined_unit_of_work
from shared.store.retry_history import (
    Attempt,
    RetryStatistics,
    counted_since,
    find_recorded,
    retry_statistics,
)
from shared.testing.jobs import hold
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

PHASE = "serp_collection"
ROWS = "SELECT attempt, category, kind, status, codes, error, delay_seconds, next_at IS NULL FROM retry_history ORDER BY item_id"


def tried(
    job: Claim,
    n: int,
    error: ProviderError | None,
    *,
    delay: float | None = None,
    category: str = "recoverable",
) -> Record:
    """An item whose try ended in this error."""
    state = "failed" if delay is None else "pending"
    ending = Ending(
        job.pipeline_id, job.items[n].item_id, job.job_id, job.phase, state, spent=1, wait_seconds=delay,
        wait_reason="retry" if delay else None, error_category=category if delay is None else None,
    )  # fmt: skip
    attempt = Attempt.of(1, category, str(error or "a defect"), error, delay_seconds=delay)
    return Record(ending=ending, attempt=attempt)


def refusal(body: str = '{"a": 1}', status: int = 503) -> StatusError:
    return StatusError(f"status {status}", status=status, codes=("busy", "later"), body=body)


async def test_an_attempt_is_recorded_with_what_was_answered(conn: Connection) -> None:
    """When the next one is due is in both places the same moment."""
    job = await hold(conn, 2)
    async with conn.transaction():
        await record(conn, [tried(job, 0, refusal(), delay=30.0), tried(job, 1, None, category="bug")])

    assert await fetch(conn, ROWS) == [
        (1, "recoverable", "status", 503, ["busy", "later"], "status 503", 30.0, False),
        (1, "bug", None, None, [], "a defect", None, True),
    ]
    same = "SELECT s.next_at = h.next_at FROM retry_history h JOIN pipeline_state s USING (pipeline_id, item_id) WHERE delay_seconds > 0"
    assert await fetch(conn, same) == [True]
    assert await fetch(conn, "SELECT body FROM error_bodies JOIN retry_history USING (body_id)") == [
        '{"a": 1}'
    ]


async def test_one_answer_to_many_items_is_kept_once(pool: Pool, conn: Connection) -> None:
    """A call for 10,000 keywords that fails leaves one body."""
    job, other = await hold(conn, 20), await hold(conn, 1)
    async with pipelined_unit_of_work(pool) as connection:
        await record(connection, [tried(job, n, refusal(), delay=1.0) for n in range(20)])
    async with pipelined_unit_of_work(pool) as connection:
        await record(connection, [tried(other, 0, refusal())])

    assert await fetch(conn, "SELECT count(*), count(DISTINCT body_id) FROM retry_history") == [(21, 1)]
    assert await fetch(conn, "SELECT count(*) FROM error_bodies") == [1]


async def test_a_batch_written_twice_counts_once(conn: Connection) -> None:
    """As when the answer to its commit was lost; and who has lost the item records no attempt."""
    job = await hold(conn)
    batch = [tried(job, 0, refusal(), delay=1.0)]
    for _ in range(2):
        async with conn.transaction():
            await record(conn, batch)

    assert await fetch(conn, "SELECT count(*) FROM retry_history") == [1]


async def test_any_text_is_recorded(conn: Connection) -> None:
    """What a provider says may hold what Postgres refuses."""
    job = await hold(conn)
    error = StatusError("s\0", status=500, codes=("c\0", "\ud800"), body="b\0\ud800 \\u0000")
    async with conn.transaction():
        await record(conn, [tried(job, 0, error)])

    (known,) = await find_recorded(conn, PHASE, 1)
    assert known.body == "b� \\u0000"
    assert known.codes == ["c", "�"]


@pytest.mark.parametrize(
    "error",
    [
        TransportError("no whole answer"),
        TransportError("cannot connect", sent=False),
        refusal(),
        StatusError("status 302", status=302),
        AnswerError("malformed answer", status=404, codes=("malformed",)),
        AnswerError("unreadable", status=200, codes=("unreadable",)),
        ProviderError("cut short"),
    ],
    ids=str,
)
async def test_a_recorded_error_is_classified_as_it_was(conn: Connection, error: ProviderError) -> None:
    """Nothing that a category depends on is lost."""
    job = await hold(conn)
    async with conn.transaction():
        await record(conn, [tried(job, 0, error)])

    (known,) = await find_recorded(conn, PHASE, 1)

    again = known.error()
    assert categorize(again, ()) == categorize(error, ())
    assert (again.status, again.codes, again.body) == (error.status, error.codes, error.body)


async def test_equal_errors_are_one_with_a_count(conn: Connection) -> None:
    """The newest first; those of other phases, of long ago, and defects are left out."""
    job = await hold(conn, 6)
    batch = [tried(job, n, refusal()) for n in range(3)] + [tried(job, 3, None, category="bug")]
    async with conn.transaction():
        await record(conn, batch)
    async with conn.transaction():
        await record(conn, [tried(job, 4, refusal(status=500)), tried(job, 5, refusal("another"))])
    query = "UPDATE retry_history SET recorded_at = now() - interval '2 days' WHERE item_id = %s"
    await conn.execute(query, (job.items[5].item_id,))

    found = await find_recorded(conn, PHASE, 1)

    assert [(known.status, known.attempts) for known in found] == [(500, 1), (503, 3)]
    assert await find_recorded(conn, "video_enrichment", 1) == []
    assert len(await find_recorded(conn, PHASE, 3)) == 3


async def test_statistics_say_what_retries_came_to(conn: Connection) -> None:
    """Tries, retries among them, how long they waited, and whose item was completed in the end."""
    job = await hold(conn, 3)
    delays = [10.0, 20.0, None]
    async with conn.transaction():
        await record(conn, [tried(job, n, refusal(), delay=delay) for n, delay in enumerate(delays)])
    await conn.execute("DELETE FROM waiting")
    query = "UPDATE pipeline_state SET state = 'processing', next_at = NULL, wait_reason = NULL WHERE item_id = %s"
    await conn.execute(query, (job.items[0].item_id,))
    done = Ending(job.pipeline_id, job.items[0].item_id, job.job_id, job.phase, "completed", spent=1)
    async with conn.transaction():
        await record(conn, [Record(ending=done, evidence=Evidence(SearchResult(()), ()))])

    since = counted_since(datetime.now(UTC), 1)
    assert await retry_statistics(conn, since) == [RetryStatistics(PHASE, "recoverable", 3, 2, 15.0, 3, 1)]
