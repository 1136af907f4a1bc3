"""What has happened: as a stream that is resumed where it broke off, or page by page."""

from contextlib import AsyncExitStack
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.events.feed import Feed
from services.gateway.events.stream import Wish, stream
from services.gateway.security import principal_of
from shared.domain.event import NAMES
from shared.domain.strict_json import nearest
from shared.errors import InputError, Problem
from shared.store import events as store
from shared.store.events import NEWEST, Event, get_feed, place_events, read_events

#: Events in one page.
LIMIT: Final = 500
HEADER: Final = "Last-Event-ID"
#: Nobody in between may keep it, or wait until there is more of it.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventPage(msgspec.Struct, frozen=True):
    """The oldest first."""

    items: list[Event]
    newest: int
    """Place of the newest event there is."""
    next_cursor: int | None
    """Null: there is nothing after these yet."""


class EventController(Controller):
    """/api/v1/events"""

    path = "/events"
    tags = ("events",)

    @get(
        "/",
        operation_id="streamEvents",
        summary="What happens from now on, as server-sent events.",
        media_type="text/event-stream",
    )
    async def follow(
        self,
        *,
        request: AnyRequest,
        state: State,
        gateway: NamedDependency[Gateway],
        pipeline: FromQuery[UUID | None] = None,
        types: FromQuery[str | None] = None,
    ) -> Stream:
        """Each has a name and an id. With the header Last-Event-ID, from the event after that one: none is missed, none comes twice."""
        names, given = read_names(types), _last_id(request)
        listening = AsyncExitStack()
        feed: Feed = state.feed
        await listening.enter_async_context(feed.listening(principal_of(request.scope).asker))
        try:
            await place_events(gateway.pool)
            async with gateway.connection() as conn:
                wish = resumed(given, await get_feed(conn), pipeline, names)
        except BaseException:
            await listening.aclose()
            raise
        return Stream(stream(feed, wish, listening), media_type="text/event-stream", headers=_HEADERS)

    @get("/history", operation_id="listEvents", summary="What has happened, the oldest first.")
    async def history(
        self,
        *,
        gateway: NamedDependency[Gateway],
        pipeline: FromQuery[UUID | None] = None,
        types: FromQuery[str | None] = None,
        cursor: Annotated[int, QueryParameter(ge=0, le=NEWEST)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 100,
    ) -> EventPage:
        """Events after the one with the id `cursor`. They are kept for a week."""
        names = read_names(types)
        await place_events(gateway.pool)
        async with gateway.connection() as conn:
            newest = (await get_feed(conn)).newest
            items = await read_events(
                conn, cursor, upto=newest, pipeline_id=pipeline, names=names, limit=limit
            )
        return EventPage(items, newest, items[-1].id if len(items) == limit else None)


def read_names(types: str | None) -> frozenset[str] | None:
    """Names of events, separated by commas; None for all. Raises InputError."""
    names = [name.strip() for name in (types or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in NAMES]:
        raise InputError(
            *(Problem("?types", f"{name[:40]!r} is no event; {nearest(name, NAMES)}") for name in unknown[:5])
        )
    return frozenset(names) or None


def resumed(
    given: int | None, feed: store.Feed, pipeline_id: UUID | None, names: frozenset[str] | None
) -> Wish:
    """From where a client is to be sent events that has seen `given`, or nothing yet."""
    if given is None:
        return Wish(feed.newest, pipeline_id, names)
    if given > feed.newest:
        return Wish(feed.newest, pipeline_id, names, "this record has no event of that id")
    if given + 1 < feed.oldest:
        return Wish(feed.oldest - 1, pipeline_id, names, "events after that id are no longer kept")
    return Wish(given, pipeline_id, names)


def _last_id(request: Request[object, object, State]) -> int | None:
    given = request.headers.get(HEADER, "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and int(given[:20]) <= NEWEST):
        raise InputError(Problem(f"?{HEADER}", "must be the id of an event, a whole number"))
    return int(given)
