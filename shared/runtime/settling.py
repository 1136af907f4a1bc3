"""Settling: what a cancelled pipeline had open is skipped, as soon as nobody has it in hand."""

from uuid import UUID

from shared import log
from shared.store.control import find_unsettled, settle
from shared.store.pool import Pool

_log = log.get(__name__)

#: Pause between two rounds. A call in flight may still find items.
ROUND_SECONDS = 0.25


class Settling:
    """The one loop for all cancelled pipelines. Any number may run: who cancels does a round's work at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def round(self) -> float:
        """Skip what can be; seconds until the next round."""
        async with self._pool.connection() as conn:
            found = await find_unsettled(conn)
        for pipeline_id in found:
            await settle(self._pool, UUID(pipeline_id))
        return ROUND_SECONDS
