"""Housekeeping: what belongs to no provider. Gives up on waits without end, ends pipelines and folds counters."""

import asyncio
from uuid import UUID

from shared import log, metrics
from shared.config import Runtime
from shared.domain.phases import PHASES
from shared.store.counters import end_pipelines, fold_counters
from shared.store.jobs import give_up_items
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Pool, unit_of_work
from shared.store.retry_history import fold_retry_counters
from shared.store.standings import fold_provider_counters

_log = log.get(__name__)

#: How soon a pipeline ends after its last item.
ROUND_SECONDS = 0.25


class Housekeeping:
    """The one loop for all services."""

    def __init__(self, pool: Pool, settings: Runtime) -> None:
        self._pool = pool
        self._settings = settings
        self._fold_at = 0.0

    async def round(self) -> float:
        """End what is done; seconds until the next round."""
        mandatory = [phase.name for phase in PHASES.values() if phase.mandatory]
        async with unit_of_work(self._pool) as conn:
            ended = await end_pipelines(conn, mandatory)
            ends = [await get_pipeline_state(conn, UUID(pipeline_id)) for pipeline_id, _ in ended]
        for (pipeline_id, state), end in zip(ended, ends, strict=True):
            seconds = (end.ended_at - end.created_at).total_seconds() if end.ended_at else 0.0
            metrics.PIPELINE_DURATION.labels(state).observe(seconds)
            _log.info("pipeline_ended", pipeline_id=pipeline_id, state=state, seconds=round(seconds, 3))
        now = asyncio.get_running_loop().time()
        if now >= self._fold_at:
            async with unit_of_work(self._pool) as conn:
                given_up = await give_up_items(conn)
            if given_up:
                _log.warning("items_given_up", items=given_up)
            async with unit_of_work(self._pool) as conn:
                await fold_counters(conn)
                await fold_retry_counters(conn)
                await fold_provider_counters(conn)
            self._fold_at = now + self._settings.fold_seconds
        return ROUND_SECONDS
