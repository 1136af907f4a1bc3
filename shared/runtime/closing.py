"""The closing phases: what is computed, not bought, once nothing else of a pipeline is open."""

import asyncio
from uuid import UUID

from shared import log
from shared.domain.item import ItemState
from shared.domain.job import Plan
from shared.domain.phases import CLOSING, DSI_CALCULATION, PHASES
from shared.domain.strength import strength_results
from shared.runtime.heartbeat import Heartbeat
from shared.store.counters import find_closing, is_closing
from shared.store.jobs import Claim, claim_job, complete_job, count_due, create_jobs
from shared.store.outcomes import Ending, Evidence, Record, record
from shared.store.pipelines import get_pipeline
from shared.store.pool import Pool, unit_of_work
from shared.store.report_rows import report_rows

_log = log.get(__name__)

#: How soon the figures follow the last item.
ROUND_SECONDS = 0.25
#: Landscapes computed in one job; a pipeline has fewer.
_ALL = 100_000


class _NotRunningError(Exception):
    """The pipeline was paused, cancelled or given more to do between two looks at it."""


class Closing:
    """Housekeeping's own worker: jobs with lease and fence as any other, without a message."""

    def __init__(self, pool: Pool, holder: str, lease_seconds: float, heartbeat: Heartbeat) -> None:
        self._pool = pool
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._heartbeat = heartbeat

    async def round(self) -> float:
        """Compute what can be; seconds until the next round."""
        async with self._pool.connection() as conn:
            found = await find_closing(conn, CLOSING)
        for pipeline_id in found:
            if claim := await self._attempt(pipeline_id):
                work = asyncio.create_task(self._compute(claim), name="closing")
                try:
                    with self._heartbeat.watch(claim.job_id, work):
                        await asyncio.wait([work])
                finally:
                    work.cancel()  # has ended, unless this was cancelled: then the lease runs out
                if not work.cancelled():
                    work.result()
        return ROUND_SECONDS

    async def _attempt(self, pipeline_id: str) -> Claim | None:
        try:
            return await self._claim(pipeline_id)
        except _NotRunningError:
            return None

    async def _claim(self, pipeline_id: str) -> Claim | None:
        queue = PHASES[DSI_CALCULATION].queue
        async with unit_of_work(self._pool) as conn:
            if not await is_closing(conn, pipeline_id, CLOSING):
                raise _NotRunningError  # nothing done, nothing to roll back
            due = await count_due(conn, PHASES[DSI_CALCULATION], _ALL)
            # Landscapes whose housekeeper died twice, and might be the reason, have smaller jobs of their own.
            for chunk in (group.chunk for group in due if group.pipeline_id == pipeline_id):
                plan = Plan(pipeline_id, batch_key="", chunk=chunk, size=chunk or _ALL, priority=0)
                for message in await create_jobs(conn, DSI_CALCULATION, queue, [plan]):
                    claim = await claim_job(
                        conn,
                        message,
                        phase=DSI_CALCULATION,
                        holder=self._holder,
                        lease_seconds=self._lease_seconds,
                        known={},
                    )
                    if claim:
                        return claim
                    raise _NotRunningError  # rolls back: no message of this job would ever come
        return None  # another housekeeper was faster

    async def _compute(self, claim: Claim) -> None:
        async with self._pool.connection() as conn:
            pipeline = await get_pipeline(conn, UUID(claim.pipeline_id))
            rows = await report_rows(conn, pipeline.pipeline_id)
        names = [item.input["landscape"] for item in claim.items]
        results = await asyncio.to_thread(strength_results, rows, pipeline.config, names)
        units = []
        for item, result in zip(claim.items, results, strict=True):
            ending = Ending(
                claim.pipeline_id, item.item_id, claim.job_id, claim.phase, ItemState.COMPLETED, spent=1
            )
            units.append(Record(ending=ending, evidence=Evidence(result, ())))
        async with unit_of_work(self._pool) as conn:
            await record(conn, units)
            await complete_job(conn, claim.job_id, claim.fence)
        _log.info("figures_computed", pipeline_id=claim.pipeline_id, landscapes=len(units))
