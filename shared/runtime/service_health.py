"""What the calls of this process came to by the minute, on its way into the record."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shared import log
from shared.domain.durations import bucket
from shared.domain.service_health import STRETCH_SECONDS, WINDOW_SECONDS, Window
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

    def add(self, outcome: str, duration_seconds: float, *, timed_out: bool) -> None:
        """One call."""
        number = bucket(duration_seconds)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.buckets[number] = self.buckets.get(number, 0) + 1
        self.timeouts += timed_out
        self.seconds += duration_seconds
        self.saved = False

    def window(self) -> Window:
        """As it is now."""
        return Window(self.start, dict(self.outcomes), self.timeouts, self.seconds, dict(self.buckets))


class Tally:
    """Counts calls. All methods belong to one event loop."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._counts: dict[int, _Count] = {}
        self._stretches: dict[int, _Count] = {}

    def add(self, outcome: str, duration_seconds: float, *, timed_out: bool = False) -> None:
        """A call ended, now."""
        now = int(self._now())
        for counts, width in ((self._counts, WINDOW_SECONDS), (self._stretches, STRETCH_SECONDS)):
            start = now // width * width
            count = counts.get(start)
            if count is None:
                count = counts[start] = _Count(start)
                if len(counts) * width > MOST_WINDOWS * WINDOW_SECONDS:
                    del counts[min(counts)]
            count.add(outcome, duration_seconds, timed_out=timed_out)

    async def save(self, pool: Pool, service: str, holder: str) -> None:
        """Write what is not written. Raises what the store raises; nothing is lost then."""
        changed, stretched = _unsaved(self._counts), _unsaved(self._stretches)
        unsaved = changed + stretched
        if not unsaved:
            return
        windows, stretches = [n.window() for n in changed], [n.window() for n in stretched]
        for count in unsaved:  # what is counted from here on needs another save
            count.saved = True
        try:
            async with unit_of_work(pool) as conn:
                await save_windows(conn, service, holder, windows, stretches)
        except BaseException:
            for count in unsaved:
                count.saved = False
            raise
        self._counts, self._stretches = _open(self._counts), _open(self._stretches)

    async def run(self, pool: Pool, service: str, holder: str) -> None:
        """Until cancelled. The store being away delays it."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            try:
                await self.save(pool, service, holder)
            except Passing as error:
                _log.warning("service_health_delayed", error=str(error))


def _unsaved(counts: dict[int, _Count]) -> list[_Count]:
    return [count for count in counts.values() if not count.saved]


def _open(counts: dict[int, _Count]) -> dict[int, _Count]:
    """Those that may change, or are not in the record."""
    latest = max(counts)
    return {start: count for start, count in counts.items() if start == latest or not count.saved}
