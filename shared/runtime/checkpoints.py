"""Housekeeping's checkpoints: the positions of pipelines, written down as their work goes on."""

from uuid import UUID

from shared import log
from shared.domain.checkpoint import due
from shared.store.checkpoints import find_due, write_checkpoint
from shared.store.pool import Pool, unit_of_work

_log = log.get(__name__)

#: How soon a checkpoint follows the item that makes it due.
ROUND_SECONDS = 0.5


class Checkpoints:
    """The one loop for all pipelines."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def round(self) -> float:
        """Write what is due; seconds until the next round."""
        async with self._pool.connection() as conn:
            pipelines = await find_due(conn)
        for pipeline_id, interval, counted, last in pipelines:
            for checkpoint in due(counted, last, interval):
                async with unit_of_work(self._pool) as conn:
                    if await write_checkpoint(conn, UUID(pipeline_id), checkpoint):
                        _log.info("checkpoint_written", pipeline_id=pipeline_id, name=checkpoint.name)
        return ROUND_SECONDS
