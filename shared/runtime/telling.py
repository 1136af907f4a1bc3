"""Housekeeping's part in events: tells of ended phases, and gives events their places."""

from typing import Final

from shared.store.events import place_events, tell_phases
from shared.store.pool import Pool, unit_of_work

#: How soon an event has its place when no gateway looks for it.
ROUND_SECONDS: Final = 0.5


class Telling:
    """The one loop for all services."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def round(self) -> float:
        """Tell and place; seconds until the next round."""
        async with unit_of_work(self._pool) as conn:
            await tell_phases(conn)
        await place_events(self._pool)
        return ROUND_SECONDS
