"""Work of housekeeping that may take minutes: done beside its rounds, which must be short, and one at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from shared import log
from shared.runtime.cancellation import cancel
from shared.store.pool import Passing

_log = log.get(__name__)


class LongWork:
    """`work` in a task of its own. All methods belong to one event loop."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Unless it is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._attempt(), name=self._name)

    async def close(self) -> None:
        """Break off what is under way; whoever begins next goes on there."""
        if self._task:
            await cancel([self._task])

    async def _attempt(self) -> None:
        try:
            await self._work()
        except Passing as error:
            _log.warning(f"{self._name}_delayed", error=str(error))
        except Exception:  # noqa: BLE001 - nobody awaits it
            _log.exception(f"{self._name}_broken")
