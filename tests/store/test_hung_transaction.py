"""A process that is stopped in the middle of a transaction does not keep its rows from the others for ever."""

import pytest

from shared.store import pool as pools
from shared.store.pool import Connection, Passing, Pool, pipelined_unit_of_work
from shared.testing.jobs import hold

pytestmark = pytest.mark.anyio


async def test_a_hung_pipeline_lets_go_of_its_rows(
    pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To Postgres it is not idle between two statements; the whole has an end, and is tried again as what passes."""
    monkeypatch.setattr(pools, "HUNG_SECONDS", 0.2)
    job = await hold(conn)
    lock = "SELECT job_id FROM job_queue WHERE job_id = %s FOR UPDATE"
    taken = []

    async def hang() -> None:
        async with pipelined_unit_of_work(pool) as hung:
            taken.extend(await (await hung.execute(lock, (job.job_id,))).fetchall())
            # The reaper's turn: it gets the row while the other one still says nothing.
            taken.extend(await (await conn.execute(lock, (job.job_id,))).fetchall())

    with pytest.raises(Passing):
        await hang()
    assert taken == [(job.job_id,)] * 2
