"""YouTube answering with anything: a refusal or a marked result, never a wrong one taken for right."""

import gzip
import json
from typing import Any

import httpx
import pytest

from services.media.provider import PROVIDER, handle
from shared.domain.category import categorize
from shared.errors import AnswerError, ProviderError
from tests.services.test_media import ACME, GONE, RUN, RUN_CLUB, answering, complete, lookups
from tests.services.till import Till, payload

pytestmark = pytest.mark.anyio

#: Beyond every integer type of Postgres.
HUGE = 10**40
VIDEO = {"id": RUN, "snippet": {"channelId": RUN_CLUB, "title": "T"}, "contentDetails": {"duration": "PT1S"}}


def body(*items: Any, kind: Any = "youtube#videoListResponse", **more: Any) -> bytes:
    return json.dumps({"kind": kind, "items": items, **more}).encode()


def counts(**changes: Any) -> bytes:
    return body({**VIDEO, "statistics": {"viewCount": "1", **changes}})


def snippet(**changes: Any) -> bytes:
    return body({**VIDEO, "snippet": {**VIDEO["snippet"], **changes}})  # type: ignore[dict-item]  # it is one


REFUSED = {
    # It is not this format, or not all of it.
    "nothing": (b"", "unreadable"),
    "blanks": (b" \r\n", "unreadable"),
    "html": (b"<!doctype html><title>Sorry</title>", "unreadable"),
    "cut off": (payload("youtube", "videos")[:700], "unreadable"),
    "two documents": (body(VIDEO) + body(VIDEO), "unreadable"),
    "byte order mark": (b"\xef\xbb\xbf" + body(VIDEO), "unreadable"),
    "still packed": (gzip.compress(body(VIDEO)), "unreadable"),
    "UTF-16": (body(VIDEO).decode().encode("utf-16"), "unreadable"),
    "guarded against scripts": (b")]}'\n" + body(VIDEO), "unreadable"),
    "wrong escape": (snippet(title="TITLE").replace(b"TITLE", b"\\x41"), "unreadable"),
    "NaN": (b'{"kind":NaN}', "unreadable"),
    "not UTF-8": (snippet(title="TITLE").replace(b"TITLE", b"\xc3\x28"), "unreadable"),
    "half a surrogate pair": (snippet(title="\ude00"), "unreadable"),
    "deep nesting": (body(VIDEO, x=0).replace(b'"x": 0', b'"x":' + b"[" * 200_000), "unreadable"),
    "deep nesting inside a video": (snippet(tags=0).replace(b'"tags": 0', b'"tags":' + b'{"a":' * 200_000), "unreadable"),
    # It is JSON of another shape.
    "null": (b"null", "malformed"),
    "list": (body(VIDEO)[body(VIDEO).index(b"[") :][:-1], "malformed"),
    "number": (b"200", "malformed"),
    "text": (b'"ok"', "malformed"),
    "error with status 200": (payload("youtube", "error_quota"), "malformed"),
    "no kind": (b'{"items":[]}', "malformed"),
    "kind of a search": (body(VIDEO, kind="youtube#searchListResponse"), "malformed"),
    "kind of channels": (payload("youtube", "channels"), "malformed"),
    "kind is a novel": (body(VIDEO, kind="x" * 100_000), "malformed"),
    "kind is null": (body(VIDEO, kind=None), "malformed"),
    "kind in other letters": (body(VIDEO, kind="YouTube#VideoListResponse"), "malformed"),
    "kind of a search, said after the right one": (body(VIDEO)[:-1] + b',"kind":"youtube#searchListResponse"}', "malformed"),
    "items are null": (b'{"kind":"youtube#videoListResponse","items":null}', "malformed"),
    "items are an object": (b'{"kind":"youtube#videoListResponse","items":{}}', "malformed"),
    "item is null": (body(None), "malformed"),
    "item is a list": (body([VIDEO]), "malformed"),
    "item is an id": (body(RUN), "malformed"),
    "item is an error": (body({"error": {"code": 404}}), "malformed"),
    "item without an id": (body({"snippet": VIDEO["snippet"]}), "malformed"),
    "id is null": (body({**VIDEO, "id": None}), "malformed"),
    "id is a number": (body({**VIDEO, "id": 12345678901}), "malformed"),
    "id in other letters": (body({**VIDEO, "id": RUN.upper()}), "malformed"),
    "id of a search result": (body({**VIDEO, "id": {"videoId": RUN}}), "malformed"),
    "id never asked for": (body(VIDEO, {**VIDEO, "id": GONE}), "malformed"),
    "id with a NUL": (body({**VIDEO, "id": f"{RUN}\x00"}), "malformed"),
    "same id twice": (body(VIDEO, {**VIDEO, "snippet": {"channelId": ACME, "title": "U"}}), "malformed"),
    "more items than asked for": (body(*[VIDEO] * 1000), "malformed"),
    "snippet is null": (body({**VIDEO, "snippet": None}), "malformed"),
    "snippet is text": (body({**VIDEO, "snippet": "T"}), "malformed"),
    "channel id is a list": (snippet(channelId=[RUN_CLUB]), "malformed"),
    "statistics are null": (body({**VIDEO, "statistics": None}), "malformed"),
    "statistics are a list": (body({**VIDEO, "statistics": [1, 2, 3]}), "malformed"),
    "title is a list": (snippet(title=["T"]), "malformed"),
    "null everywhere": (snippet(channelId=None, title=None, publishedAt=None), "malformed"),
    "duration is a number": (body({**VIDEO, "contentDetails": {"duration": 200}}), "malformed"),
    # Counts that no column holds, or that mean nothing.
    "huge count": (counts(viewCount=str(HUGE)), "malformed"),
    "huge count as a number": (counts(viewCount=HUGE), "malformed"),
    "endless count": (counts(viewCount="9" * 10_000), "malformed"),
    "count beyond bigint": (counts(viewCount=str(2**63)), "malformed"),
    "negative count": (counts(likeCount="-1"), "malformed"),
    "count with a fraction": (counts(viewCount="1.5"), "malformed"),
    "count is text": (counts(viewCount="many"), "malformed"),
    "count is empty": (counts(viewCount=""), "malformed"),
    "count is nan": (counts(viewCount="nan"), "malformed"),
    "count is true": (counts(viewCount=True), "malformed"),
    "count is a list": (counts(viewCount=["1"]), "malformed"),
    "count is an object": (counts(viewCount={"low": 1, "high": 0}), "malformed"),
    "count in hexadecimal": (counts(commentCount="0x10"), "malformed"),
    "count with separators": (counts(viewCount="1,480,000"), "malformed"),
    "count beyond every number": (counts(viewCount=0).replace(b'"viewCount": 0', b'"viewCount": 1e999'), "malformed"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), REFUSED.values(), ids=REFUSED)
async def test_answer_about_videos_of_the_wrong_kind_is_refused(answer: bytes, code: str) -> None:
    """It raises AnswerError, no channel is asked for, and nothing is recorded."""
    till = Till(PROVIDER, answering(answer, b"never asked"))

    with pytest.raises(AnswerError) as caught:
        await handle(lookups(RUN), till)

    assert caught.value.codes == (code,)
    assert len(str(caught.value)) < 500
    assert categorize(caught.value, PROVIDER.errors).category == "recoverable"
    assert (len(till.requests), till.units) == (1, [])


def channel(**statistics: Any) -> bytes:
    item = {"id": RUN_CLUB, "statistics": statistics}
    return body(item, kind="youtube#channelListResponse")


REFUSED_CHANNELS = {
    "nothing": b"",
    "html": b"<html>",
    "cut off": payload("youtube", "channels")[:200],
    "null": b"null",
    "kind of videos": payload("youtube", "videos"),
    "never asked for": body({"id": ACME}, kind="youtube#channelListResponse"),
    "id is null": body({"id": None}, kind="youtube#channelListResponse"),
    "same channel twice": body({"id": RUN_CLUB}, {"id": RUN_CLUB}, kind="youtube#channelListResponse"),
    "statistics are text": body({"id": RUN_CLUB, "statistics": "hidden"}, kind="youtube#channelListResponse"),
    "count with a fraction": channel(subscriberCount="1.5"),
    "rounded in words": channel(subscriberCount="1.2M"),
    "huge count": channel(subscriberCount=str(HUGE)),
    "negative count": channel(subscriberCount=-1),
    "hidden is text": channel(hiddenSubscriberCount="perhaps"),
}


@pytest.mark.parametrize("answer", REFUSED_CHANNELS.values(), ids=REFUSED_CHANNELS)
async def test_answer_about_channels_of_the_wrong_kind_is_refused(answer: bytes) -> None:
    """A wrong number of subscribers is worse than none."""
    with pytest.raises(ProviderError):
        await handle(lookups(RUN), Till(PROVIDER, answering(payload("youtube", "videos"), answer)))


@pytest.mark.parametrize(
    "owner",
    ["", "UC1,UC2", "UC1&key=x", "UC\x00", "UC" + "a" * 5_000, "<b>", "../search", "ünïcode"],
)
async def test_channel_id_that_is_none_is_not_asked_for(owner: str) -> None:
    """One video's broken owner must not spoil the call for the channels of forty-nine others."""
    items = [{**VIDEO, "snippet": {"channelId": owner, "title": "T"}}, {**VIDEO, "id": GONE}]
    channels = body(
        {"id": RUN_CLUB, "statistics": {"subscriberCount": "5"}}, kind="youtube#channelListResponse"
    )
    till = Till(PROVIDER, answering(body(*items), channels))

    broken, sound = await complete(lookups(RUN, GONE), till)

    assert (broken[0].channel_id, broken[0].subscribers, broken[1]) == ("", None, "no_channel")
    assert (sound[0].subscribers, sound[1]) == (5, "")
    assert till.requests[1].url.params["id"] == RUN_CLUB


async def test_video_with_nothing_but_its_id_is_marked() -> None:
    """It exists, and that is all that is known."""
    ((result, degraded),) = await complete(
        lookups(RUN), Till(PROVIDER, answering(body({"id": RUN}), b"never asked"))
    )

    assert (result.found, result.title, result.views, degraded) == (True, "", None, "no_channel")


async def test_one_refused_batch_does_not_raise_anything_else() -> None:
    """Whatever status comes with whatever body, it is a ProviderError with a short text."""
    for status in (200, 204, 301, 304, 400, 403, 418, 429, 500, 599):
        for content in (
            b"",
            b"\x00\xff",
            b"[" * 100_000,
            b'{"error":{"errors":[{"reason":"' + b"x" * 9_000 + b'"}]}}',
        ):
            till = Till(PROVIDER, lambda _, s=status, c=content: httpx.Response(s, content=c))  # type: ignore[misc]  # bound at once
            with pytest.raises(ProviderError) as caught:
                await handle(lookups(RUN), till)
            assert len(str(caught.value)) < 500
