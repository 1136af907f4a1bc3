"""What the calls of this process came to by the minute, on its way into the record."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shared import log
from shared.domain.durations import bucket
from shared.domain.service_health import WINDOW_SECONDS, Window
from shared.store.pool import Passing, Pool, unit_of_work
from shared.store.service_health import save_windows

_log = log.get(__name__)

#: How often what was counted is written. A process that is killed takes no more with it.
ROUND_SECONDS: Final = 10.0
#: Windows kept while the store is away: a day. Then the oldest are lost.
MOST_WINDOWS: Final = 24 * 60 * 60 // WINDOW_SECONDS


@dataclass(slots=True)
class _Count:
    """A window that may still be added to."""

    start: int
    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: dict[int, int] = field(default_factory=dict)
    timeouts: int = 0
    seconds: float = 0.0
    saved: bool = False

    def window(self) -> Window:
        """As it is now."""
        return Window(self.start, dict(self.outcomes), self.timeouts, self.seconds, dict(self.buckets))


class Tally:
    """Counts calls. All methods belong to one event loop."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._counts: dict[int, _Count] = {}

    def add(self, outcome: str, duration_seconds: float, *, timed_out: bool = False) -> None:
        """A call ended, now."""
        start = int(self._now()) // WINDOW_SECONDS * WINDOW_SECONDS
        count = self._counts.get(start)
        if count is None:
            count = self._counts[start] = _Count(start)
            if len(self._counts) > MOST_WINDOWS:
                del self._counts[min(self._counts)]
        number = bucket(duration_seconds)
        count.outcomes[outcome] = count.outcomes.get(outcome, 0) + 1
        count.buckets[number] = count.buckets.get(number, 0) + 1
        count.timeouts += timed_out
        count.seconds += duration_seconds
        count.saved = False

    async def save(self, pool: Pool, service: str, holder: str) -> None:
        """Write what is not written. Raises what the store raises; nothing is lost then."""
        unsaved = [count for count in self._counts.values() if not count.saved]
        if not unsaved:
            return
        windows = [count.window() for count in unsaved]
        for count in unsaved:  # what is counted from here on needs another save
            count.saved = True
        try:
            async with unit_of_work(pool) as conn:
                await save_windows(conn, service, holder, windows)
        except BaseException:
            for count in unsaved:
                count.saved = False
            raise
        latest = max(self._counts)
        self._counts = {n: count for n, count in self._counts.items() if n == latest or not count.saved}

    async def run(self, pool: Pool, service: str, holder: str) -> None:
        """Until cancelled. The store being away delays it."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            try:
                await self.save(pool, service, holder)
            except Passing as error:
                _log.warning("service_health_delayed", error=str(error))
