"""Deleting: what is left of a pipeline that somebody began to delete and did not bring to its end."""

import asyncio

from shared import log
from shared.runtime.cancellation import cancel
from shared.store.deletion import find_deleting, go_on_deleting
from shared.store.pool import Passing, Pool

_log = log.get(__name__)

#: Who deletes does it at once; this is for who died over it.
ROUND_SECONDS = 5.0


class Deleting:
    """The one loop for all pipelines that are being deleted. All methods belong to one event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._task: asyncio.Task[None] | None = None

    async def round(self) -> float:
        """Begin to delete what is left, unless that is under way: it may take minutes, and others have their rounds."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._attempt(), name="deleting")
        return ROUND_SECONDS

    async def close(self) -> None:
        """Break off what is under way; the next one goes on there."""
        if self._task:
            await cancel([self._task])

    async def _attempt(self) -> None:
        try:
            async with self._pool.connection() as conn:
                found = await find_deleting(conn)
            for pipeline_id in found:
                deleted = await go_on_deleting(self._pool, pipeline_id)
                if deleted.ended:
                    _log.info("pipeline_deleted", pipeline_id=str(pipeline_id), items=deleted.items)
        except Passing as error:
            _log.warning("deletion_delayed", error=str(error))
        except Exception:  # noqa: BLE001 - nobody awaits it
            _log.exception("deletion_broken")
