"""Deleting: what is left of a pipeline that somebody began to delete and did not bring to its end."""

from shared import log
from shared.store.deletion import find_deleting, go_on_deleting
from shared.store.pool import Pool

_log = log.get(__name__)

#: Who deletes does it at once; this is for who died over it.
ROUND_SECONDS = 5.0


class Deleting:
    """The one loop for all pipelines that are being deleted."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def round(self) -> float:
        """Delete what is left; seconds until the next round."""
        async with self._pool.connection() as conn:
            found = await find_deleting(conn)
        for pipeline_id in found:
            await go_on_deleting(self._pool, pipeline_id)
            _log.info("pipeline_deleted", pipeline_id=str(pipeline_id))
        return ROUND_SECONDS
