"""One watcher of the record for all streams of this process; it looks only while somebody listens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from litestar.exceptions import TooManyRequestsException

from shared import log
from shared.store.events import Event, get_feed, place_events, read_events
from shared.store.pool import Passing, Pool

_log = log.get(__name__)

#: How soon an event is on the streams.
LOOK_SECONDS: Final = 0.2
#: While the record does not answer.
PAUSE_SECONDS: Final = 1.0
#: Streams of one gateway, and those of them that one key may have.
MOST: Final = 200
MOST_OF_ONE: Final = 100
RETRY_SECONDS: Final = 10
#: Events read at once.
BLOCK: Final = 500


class Feed:
    """Where the record's events have come to. All methods belong to one event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._listeners: dict[str, int] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._newest = 0
        self._moved = asyncio.Event()
        self.closed = False
        """This process is about to stop: streams end, and their clients go on elsewhere."""

    @asynccontextmanager
    async def listening(self, asker: str) -> AsyncIterator[None]:
        """Keep watching for a stream of `asker`. Raises TooManyRequestsException when there are too many."""
        mine = self._listeners.get(asker, 0)
        if mine >= MOST_OF_ONE or sum(self._listeners.values()) >= MOST:
            raise TooManyRequestsException(
                f"this gateway has {MOST} event streams, and {MOST_OF_ONE} of one key, at the most",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self._listeners[asker] = mine + 1
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(), name="event feed")
        try:
            yield
        finally:
            self._listeners[asker] -= 1
            if not self._listeners[asker]:
                del self._listeners[asker]
            if not self._listeners and self._watcher:
                self._watcher.cancel()
                self._watcher = None

    def close(self) -> None:
        """End all streams. May be called by a handler of signals."""
        self.closed = True
        self._moved.set()

    async def wait(self, after: int, seconds: float) -> bool:
        """Until there is an event after this place, or no more of them; False when there is none in time."""
        try:
            async with asyncio.timeout(seconds):
                while self._newest <= after and not self.closed:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def read(
        self, after: int, pipeline_id: UUID | None, names: frozenset[str] | None
    ) -> tuple[list[Event], int]:
        """The next events of a stream, and the place up to which it has seen everything then."""
        upto = self._newest
        async with self._pool.connection() as conn:
            found = await read_events(
                conn, after, upto=upto, pipeline_id=pipeline_id, names=names, limit=BLOCK
            )
        return found, found[-1].id if len(found) == BLOCK else upto

    async def _watch(self) -> None:
        while True:
            try:
                await place_events(self._pool)
                async with self._pool.connection() as conn:
                    newest = (await get_feed(conn)).newest
            except (*Passing, OSError) as error:  # the streams stay, and go on when it is back
                _log.warning("event_feed_paused", error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if newest > self._newest:
                self._newest = newest
                self._moved.set()  # wakes all who wait; the next ones wait for the next event
                if not self.closed:
                    self._moved.clear()
            await asyncio.sleep(LOOK_SECONDS)
