"""The recorder: outcomes and settlements into Postgres, many per transaction, until they are in."""

import asyncio
import itertools
from collections.abc import Sequence

from shared import log, metrics
from shared.runtime import fault_points
from shared.runtime.batching import Batcher
from shared.store.outcomes import Record, record
from shared.store.pool import Passing, Pool, Unstorable, pipelined_unit_of_work

_log = log.get(__name__)

#: An outcome waits this long for company before its transaction begins.
LINGER_SECONDS = 0.03
BATCH = 300
#: Pause before writing again after the database refused or was away. Seconds, the last one repeated.
PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)


class Recorder:
    """Writes what happened. Postgres being away delays it; nothing is dropped while the process lives."""

    def __init__(self, pool: Pool, service: str) -> None:
        self._pool = pool
        self.trouble: str | None = None
        """Why what is in hand cannot be written, as long as it cannot."""
        self._size = metrics.RECORDED.labels(service)
        self._batches: Batcher[Record, bool] = Batcher(self._write, size=BATCH, linger_seconds=LINGER_SECONDS)

    def add(self, unit: Record) -> "asyncio.Future[bool]":
        """Done when the unit is committed; False when its item no longer belonged to the job.

        Raises one of `Unstorable` when the database refuses the content.
        """
        return self._batches.add(unit)

    async def drain(self) -> None:
        """Return when everything added is written."""
        await self._batches.drain()

    async def _write(self, batch: Sequence[Record]) -> list[bool | Exception]:
        for tries in itertools.count():
            try:
                async with pipelined_unit_of_work(self._pool) as conn:
                    moved = await record(conn, batch)
                    fault_points.passing("before_commit")
            except Unstorable as error:
                if len(batch) == 1:
                    _log.exception("record_refused")
                    return [error]
                # Find the one that cannot be stored, so that it alone fails.
                return [result for unit in batch for result in await self._write([unit])]
            except Passing as error:
                pause = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)]
                self.trouble = f"outcomes wait to be recorded: {error}"
                _log.warning("record_delayed", units=len(batch), pause_seconds=pause, error=str(error))
                await asyncio.sleep(pause)
            else:
                self.trouble = None
                fault_points.passing("after_commit")
                self._size.observe(len(batch))
                return [not unit.ending or unit.ending.item_id in moved for unit in batch]
        raise AssertionError("unreachable")
