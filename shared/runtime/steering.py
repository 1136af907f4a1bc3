"""Steering: a worker notices that a pipeline it works on, or its queue, was stopped, and starts no more calls."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared import log
from shared.domain.gate import GateShut
from shared.domain.item import WaitReason
from shared.store.control import find_stopped
from shared.store.pool import Passing, Pool

_log = log.get(__name__)

#: How often the pipelines in hand are looked at. Within two of these nothing waits for a slot or the gate any more.
POLL_SECONDS = 0.5


class Stopped(GateShut):
    """The pipeline is paused or cancelled, or the queue is: the item goes back at once, no attempt spent."""

    def __init__(self) -> None:
        super().__init__(WaitReason.PAUSED, 0.0)


class Steering:
    """Which pipelines of this process are stopped. Inert unless it is run. All methods belong to one event loop.

    A call in flight is left alone: it may have been charged already, and its answer is recorded. Whoever only
    waits to start one is interrupted.
    """

    def __init__(self, service: str = "") -> None:
        """`service` is the one whose queue may be paused; none: no queue is looked at."""
        self._service = service
        self._held = Counter[str]()
        self._stopped: set[str] = set()
        self._waiting: dict[str, set[asyncio.Task[Any]]] = {}
        self._interrupted: set[asyncio.Task[Any]] = set()

    @contextmanager
    def hold(self, pipeline_id: str) -> Iterator[None]:
        """A job of it is in hand meanwhile. It was running when the job was claimed."""
        self._stopped.discard(pipeline_id)
        self._held[pipeline_id] += 1
        try:
            yield
        finally:
            self._held[pipeline_id] -= 1
            if not self._held[pipeline_id]:
                del self._held[pipeline_id]

    def refuse_if_stopped(self, pipeline_id: str) -> None:
        """Raises Stopped when no call of it may start."""
        if pipeline_id in self._stopped:
            raise Stopped

    @contextmanager
    def interruptible(self, pipeline_id: str) -> Iterator[None]:
        """Raises Stopped out of what is awaited inside, as soon as the pipeline is found to be stopped.

        What comes to its end first is not interrupted: `refuse_if_stopped` tells afterwards.
        """
        self.refuse_if_stopped(pipeline_id)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be interrupted")
        waiting = self._waiting.setdefault(pipeline_id, set())
        waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            # As asyncio.timeout does: the cancellation is ours, unless somebody else wants the task to end, too.
            if task in self._interrupted and task.uncancel() <= 0:
                raise Stopped from None
            raise
        else:
            if task in self._interrupted:
                task.uncancel()
        finally:
            self._interrupted.discard(task)
            waiting.discard(task)
            if not waiting and self._waiting.get(pipeline_id) is waiting:
                del self._waiting[pipeline_id]

    async def run(self, pool: Pool) -> None:
        """Look at the pipelines in hand, until cancelled. While the store is away the last answer stands."""
        while True:
            try:
                await self.look(pool)
            except Passing as error:
                _log.warning("steering_delayed", error=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def look(self, pool: Pool) -> None:
        """Once."""
        if not self._held:
            self._stopped.clear()
            return
        asked = set(self._held)
        async with pool.connection() as conn:
            stopped = await find_stopped(conn, asked, self._service)
        for pipeline_id in stopped - self._stopped:
            _log.info("pipeline_stopped", pipeline_id=pipeline_id)
        self.stop(stopped)

    def stop(self, stopped: set[str]) -> None:
        """These are the stopped ones from now on: whoever waits to start a call of theirs is interrupted."""
        self._stopped = stopped
        for pipeline_id in stopped:
            for task in self._waiting.get(pipeline_id, ()):
                if task not in self._interrupted:
                    self._interrupted.add(task)
                    task.cancel()
