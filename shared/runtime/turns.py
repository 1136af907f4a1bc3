"""Jobs of a process side by side, and one of suspects by itself: if its worker dies, nobody else is to blame."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Who comes first is first in line, so that neither suspects nor the others wait for ever. One event loop's."""

    def __init__(self) -> None:
        self._working = 0
        self._alone = False
        self._line: deque[tuple[asyncio.Future[None], bool]] = deque()

    @asynccontextmanager
    async def turn(self, *, suspect: bool) -> AsyncIterator[None]:
        """Inside the block the job may be claimed; with suspects, no other is meanwhile."""
        place = (asyncio.get_running_loop().create_future(), suspect)
        self._line.append(place)
        self._admit()
        try:
            await place[0]
        except asyncio.CancelledError:
            if place in self._line:
                self._line.remove(place)
                self._admit()
            else:  # its turn came in the same moment
                self._leave(suspect=suspect)
            raise
        try:
            yield
        finally:
            self._leave(suspect=suspect)

    def _admit(self) -> None:
        while self._line and not self._alone:
            admitted, suspect = self._line[0]
            if suspect and self._working:
                return
            self._line.popleft()
            self._alone = suspect
            self._working += 1
            admitted.set_result(None)

    def _leave(self, *, suspect: bool) -> None:
        self._working -= 1
        if suspect:
            self._alone = False
        self._admit()
