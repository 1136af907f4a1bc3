"""Operations: bulk actions that somebody asked for and that are too long for a request, done chunk by chunk."""

from shared import log
from shared.runtime.long_work import LongWork
from shared.store.operations import StuckError, do_chunk, fail_operation
from shared.store.pool import Pool, unit_of_work

_log = log.get(__name__)

#: How soon an operation is begun.
ROUND_SECONDS = 0.5


class Operations:
    """The one loop for all of them. All methods belong to one event loop.

    Two at once do no harm: an operation that one has in hand is passed over by the other.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._work = LongWork("operation", self._all)

    async def round(self) -> float:
        """Begin with what is open, unless that is under way."""
        self._work.begin()
        return ROUND_SECONDS

    async def close(self) -> None:
        """Break off what is under way; the next one goes on after the last whole chunk."""
        await self._work.close()

    async def _all(self) -> None:
        while await self.step():
            pass

    async def step(self) -> bool:
        """One chunk of the oldest operation; False when none is open."""
        try:
            async with unit_of_work(self._pool) as conn:
                step = await do_chunk(conn)
        except StuckError as error:
            async with unit_of_work(self._pool) as conn:
                await fail_operation(conn, error)
            _log.error(
                "operation_failed",
                operation_id=error.operation_id,
                error=error.why,
                exc_info=error.__cause__,
            )
            return True
        if step and step.state == "completed":
            _log.info("operation_completed", operation_id=step.operation_id)
        return step is not None
