"""Audits on a schedule: one pipeline after the other, beside the other work of housekeeping."""

import asyncio
import time
from uuid import UUID

from shared import log
from shared.config import Runtime
from shared.errors import NotFoundError
from shared.runtime.long_work import LongWork
from shared.store.audit import audit, tell_audit
from shared.store.audits import count_items, find_audit_due, save_audit, skip_audit
from shared.store.pool import Pool

_log = log.get(__name__)

#: How often it is looked for a pipeline whose audit is due.
ROUND_SECONDS = 5.0
#: A pipeline of more items is audited by command only: all its keys are held in memory.
MOST_ITEMS = 200_000
#: An audit that takes longer is broken off.
MOST_SECONDS = 120.0


class Audits:
    """Of every pipeline that runs, and once of one that has ended. All methods belong to one event loop.

    Two at once do no harm: an audit reads, and each writes a row.
    """

    def __init__(self, pool: Pool, settings: Runtime) -> None:
        self._pool = pool
        self._every = settings.audit_seconds
        self._work = LongWork("audit", self._all)

    async def round(self) -> float:
        """Begin the next audit, unless one is under way."""
        if self._every:
            self._work.begin()
        return ROUND_SECONDS

    async def close(self) -> None:
        """Break off what is under way."""
        await self._work.close()

    async def _all(self) -> None:
        while await self.audit_next():
            pass

    async def audit_next(self) -> bool:
        """Audit the pipeline whose turn it is; False when it is nobody's."""
        async with self._pool.connection() as conn:
            due = await find_audit_due(conn, self._every)
            if due is None:
                return False
            pipeline_id, state = due
            items = await count_items(conn, pipeline_id)
            if items > MOST_ITEMS:
                why = f"{items} items are more than {MOST_ITEMS}; `landscape audit {pipeline_id}` audits it"
                await skip_audit(conn, pipeline_id, state, why)
                return True
        await self._audit(pipeline_id, state)
        return True

    async def _audit(self, pipeline_id: UUID, state: str) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(MOST_SECONDS), self._pool.connection() as conn:
                found = await audit(conn, pipeline_id)
        except TimeoutError:
            why = f"broken off after {MOST_SECONDS:g} s; `landscape audit {pipeline_id}` takes its time"
            async with self._pool.connection() as conn:
                await skip_audit(conn, pipeline_id, state, why, MOST_SECONDS)
            _log.warning("audit_too_long", pipeline_id=str(pipeline_id))
            return
        except NotFoundError:
            return  # somebody deletes it
        async with self._pool.connection() as conn:
            if not await save_audit(conn, found, time.monotonic() - began):
                return
            async with conn.transaction():
                await tell_audit(conn, found)
        if found.passed:
            _log.info("audit_passed", pipeline_id=str(pipeline_id), state=found.state)
        else:
            failed = {check.name: check.detail for check in found.checks if not check.passed}
            _log.error("audit.failed", pipeline_id=str(pipeline_id), state=found.state, checks=failed)
