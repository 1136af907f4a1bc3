"""The dead letters of a queue in Redis: copied there from the record, again after Redis lost them."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from shared import log
from shared.domain.message import Message
from shared.store.dead_letters import close_moot_letters, select_letter_messages
from shared.store.pool import Pool

_log = log.get(__name__)

ROUND_SECONDS: Final = 2.0
#: How soon letters are closed whose items came back by other means; it looks at all of them.
MOOT_SECONDS: Final = 10.0
#: Copies of a queue; of more letters than that only the newest are copied.
COPIES: Final = 10_000


class Copies(Protocol):
    """Where the copies are."""

    def mirror(self, queue: str, letters: Sequence[Message]) -> Awaitable[int]:
        """Make the copies exactly those of these letters; how many changed. May raise OSError."""
        ...


class DeadLetters:
    """One queue's. Safe to run twice at once."""

    def __init__(self, pool: Pool, copies: Copies, queue: str) -> None:
        self._pool = pool
        self._copies = copies
        self._queue = queue
        self._moot_at = 0.0

    async def round(self) -> float:
        """Close what is moot, copy what is open; seconds until the next round."""
        now = asyncio.get_running_loop().time()
        async with self._pool.connection() as conn:
            if now >= self._moot_at:
                await close_moot_letters(conn, self._queue)
                self._moot_at = now + MOOT_SECONDS
            letters = await select_letter_messages(conn, self._queue, COPIES)
        if changed := await self._copies.mirror(self._queue, letters):
            _log.info("dead_letters_copied", queue=self._queue, open=len(letters), changed=changed)
        return ROUND_SECONDS
