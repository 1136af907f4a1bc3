"""Deleting: what is left of a pipeline that somebody began to delete and did not bring to its end."""

from shared import log
from shared.runtime.long_work import LongWork
from shared.store.deletion import find_deleting, go_on_deleting
from shared.store.pool import Pool

_log = log.get(__name__)

#: Who deletes does it at once; this is for who died over it.
ROUND_SECONDS = 5.0


class Deleting:
    """The one loop for all pipelines that are being deleted. All methods belong to one event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._work = LongWork("deletion", self._all)

    async def round(self) -> float:
        """Begin to delete what is left, unless that is under way."""
        self._work.begin()
        return ROUND_SECONDS

    async def close(self) -> None:
        """Break off what is under way; the next one goes on there."""
        await self._work.close()

    async def _all(self) -> None:
        async with self._pool.connection() as conn:
            found = await find_deleting(conn)
        for pipeline_id in found:
            deleted = await go_on_deleting(self._pool, pipeline_id)
            if deleted.ended:
                _log.info("pipeline_deleted", pipeline_id=str(pipeline_id), items=deleted.items)
