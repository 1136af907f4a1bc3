"""Server-sent events: what one client of the stream is sent, from where it left off until it goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from services.gateway.events.feed import Feed
from shared.store.events import Event
from shared.store.pool import Passing

#: A comment so often: whoever is in between does not take the connection for dead, and a client that is, is noticed.
HEARTBEAT_SECONDS: Final = 15.0
#: A stream ends after so long, and its client comes back: by then its key may have been revoked.
LONGEST_SECONDS: Final = 3600.0
#: Milliseconds after which clients connect again.
_RETRY: Final = b"retry: 2000\n\n"
_HEARTBEAT: Final = b": still here\n\n"
#: While the record does not answer.
_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants to see."""

    after: int
    """The place of the last event it has seen."""
    pipeline_id: UUID | None
    names: frozenset[str] | None
    """None: all."""
    lost: str = ""
    """Why events between this place and what it asked for cannot be sent; empty: nothing is missing."""


async def stream(feed: Feed, wish: Wish, listening: AsyncExitStack) -> AsyncIterator[bytes]:
    """Every event of the wish once and in order. `listening` is closed when the client has gone."""
    loop = asyncio.get_running_loop()
    end, after = loop.time() + LONGEST_SECONDS, wish.after
    async with listening:
        yield _RETRY
        if wish.lost:
            yield frame(after, "reset", msgspec.json.encode({"reason": wish.lost}))
        while loop.time() < end and not feed.closed:
            if not await feed.wait(after, HEARTBEAT_SECONDS):
                yield _HEARTBEAT
                continue
            try:
                events, after = await feed.read(after, wish.pipeline_id, wish.names)
            except (*Passing, OSError):  # nothing was sent, nothing is lost
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if events:
                yield b"".join(map(encode, events))


def encode(event: Event) -> bytes:
    """One event, named, with its place as id."""
    return frame(event.id, event.name, msgspec.json.encode(event))


def frame(place: int, name: str, data: bytes) -> bytes:
    """JSON holds no raw line break: one line of data."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (place, name.encode(), data)
