"""YouTube: the exact requests, the exact mapping, and what its errors mean."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.media.provider import PROVIDER, handle
from shared.domain.category import ErrorCategory
from shared.domain.gate import hold_seconds
from shared.domain.item import Item
from shared.domain.provider import Completed
from shared.domain.results import VideoResult
from tests.services.till import API_KEY, Reply, Till, assert_storable, payload, refusal

pytestmark = pytest.mark.anyio

C = ErrorCategory
#: Noon in California: twelve hours until the units are back.
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
MIDNIGHT = 12 * 60 * 60

RUN, PREMIERE, GONE = "abcdefghijk", "-_-_-_-_-_-", "zzzzzzzzzzz"
RUN_CLUB, ACME = "UC" + 22 * "a", "UC" + 22 * "b"


def lookups(*ids: str) -> list[Item]:
    return [Item(n, video, {}) for n, video in enumerate(ids)]


def answering(videos: bytes, channels: bytes) -> Reply:
    """A provider with these two bodies."""

    def reply(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=videos if request.url.path.endswith("/videos") else channels)

    return reply


async def complete(items: Sequence[Item], till: Till) -> list[tuple[VideoResult, str]]:
    outcomes = await handle(items, till)
    assert sorted(outcomes) == sorted(item.item_id for item in items)
    results = []
    for item in items:
        outcome = outcomes[item.item_id]
        assert isinstance(outcome, Completed)
        assert isinstance(outcome.result, VideoResult)
        assert_storable(outcome)
        results.append((outcome.result, outcome.degraded))
    return results


def whole() -> Reply:
    return answering(payload("youtube", "videos"), payload("youtube", "channels"))


async def test_videos_and_channels_are_one_request_each() -> None:
    """Ids joined by commas, the parts that are read and no more, the key in a header and not in the URL."""
    till = Till(PROVIDER, whole())

    await complete(lookups(RUN, PREMIERE, GONE), till)

    videos, channels = till.requests
    assert videos.url.path == "/youtube/v3/videos"
    assert dict(videos.url.params) == {
        "part": "snippet,contentDetails,statistics",
        "id": f"{RUN},{PREMIERE},{GONE}",
    }
    assert channels.url.path == "/youtube/v3/channels"
    assert dict(channels.url.params) == {"part": "statistics", "id": f"{RUN_CLUB},{ACME}"}
    assert {request.headers["X-Goog-Api-Key"] for request in till.requests} == {API_KEY}
    assert API_KEY not in str(videos.url) + str(channels.url)
    assert till.units == [1.0, 1.0]


async def test_answers_become_results() -> None:
    """64-bit counts in strings stay exact; what is hidden is unknown, not 0; a missing id is not found."""
    results = await complete(lookups(RUN, PREMIERE, GONE), Till(PROVIDER, whole()))

    assert results == [
        (
            VideoResult(
                found=True, title="How to run", channel_id=RUN_CLUB, channel="Run Club",
                published_at="2024-01-02T03:04:05Z", duration="PT3M20S", views=9007199254740993, likes=4,
                comments=1, subscribers=12300,
            ),
            "",
        ),
        (
            VideoResult(
                found=True, title="Premiere", channel_id=ACME, channel="Acme", published_at="2026-12-01T00:00:00Z",
                duration="P0D", views=0,
            ),
            "",
        ),
        (VideoResult(found=False), "not_found"),
    ]  # fmt: skip


async def test_channel_that_is_gone_leaves_the_video_marked() -> None:
    """An empty list of channels comes without `items`."""
    till = Till(PROVIDER, answering(payload("youtube", "videos"), payload("youtube", "no_items")))

    results = await complete(lookups(RUN, PREMIERE), till)

    assert [(r.title, r.subscribers, degraded) for r, degraded in results] == [
        ("How to run", None, "no_channel"),
        ("Premiere", None, "no_channel"),
    ]


async def test_without_any_video_no_channel_is_asked_for() -> None:
    """An id that does not exist costs one unit, not two."""
    empty = b'{"kind":"youtube#videoListResponse","items":[]}'
    till = Till(PROVIDER, answering(empty, b"never asked"))

    assert await complete(lookups(GONE), till) == [(VideoResult(found=False), "not_found")]
    assert len(till.requests) == 1


async def test_fifty_videos_of_one_channel_are_two_requests() -> None:
    """A full batch asks for each channel once."""
    ids = [f"{n:011}" for n in range(50)]
    items = [{"id": video, "snippet": {"channelId": ACME, "title": video}} for video in ids]
    videos = json.dumps({"kind": "youtube#videoListResponse", "items": items}).encode()
    channels = json.dumps(
        {
            "kind": "youtube#channelListResponse",
            "items": [{"id": ACME, "statistics": {"subscriberCount": "5"}}],
        }
    ).encode()
    till = Till(PROVIDER, answering(videos, channels))

    results = await complete(lookups(*ids), till)

    assert [request.url.params["id"].count(",") for request in till.requests] == [49, 0]
    assert [(r.title, r.subscribers, degraded) for r, degraded in results] == [
        (video, 5, "") for video in ids
    ]


def _error(reason: str, message: str = "x", *, details: str = "") -> bytes:
    error: dict[str, Any] = {
        "code": 403,
        "message": message,
        "errors": [{"message": message, "reason": reason}],
    }
    if details:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": details}]
    return json.dumps({"error": error}).encode()


_DAILY = "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service 'youtube.googleapis.com'"
_MINUTE = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service"

#: Status, body, category, seconds everything waits.
TABLE = {
    "quotaExceeded": (403, payload("youtube", "error_quota"), C.QUOTA, MIDNIGHT),
    "dailyLimitExceeded": (403, _error("dailyLimitExceeded"), C.QUOTA, MIDNIGHT),
    "429 rateLimitExceeded per day": (429, _error("rateLimitExceeded", _DAILY), C.QUOTA, MIDNIGHT),
    "403 rateLimitExceeded per day": (403, _error("rateLimitExceeded", _DAILY), C.QUOTA, MIDNIGHT),
    "RATE_LIMIT_EXCEEDED per day": (
        429, _error("rateLimitExceeded", _DAILY, details="RATE_LIMIT_EXCEEDED"), C.QUOTA, MIDNIGHT,
    ),
    "429 rateLimitExceeded": (429, _error("rateLimitExceeded"), C.THROTTLED, 1.0),
    "403 rateLimitExceeded": (403, _error("rateLimitExceeded"), C.THROTTLED, 1.0),
    "403 userRateLimitExceeded": (403, _error("userRateLimitExceeded"), C.THROTTLED, 1.0),
    "RATE_LIMIT_EXCEEDED per minute": (
        429, _error("rateLimitExceeded", _MINUTE, details="RATE_LIMIT_EXCEEDED"), C.THROTTLED, 1.0,
    ),
    "429 without a reason": (429, b"", C.THROTTLED, 1.0),
    "keyInvalid": (400, _error("keyInvalid"), C.ACCOUNT, 60),
    "API_KEY_INVALID": (400, payload("youtube", "error_key"), C.ACCOUNT, 60),
    "forbidden": (403, _error("forbidden"), C.ACCOUNT, 60),
    "accessNotConfigured": (403, _error("accessNotConfigured"), C.ACCOUNT, 60),
    "SERVICE_DISABLED": (403, _error("x", details="SERVICE_DISABLED"), C.ACCOUNT, 60),
    "ipRefererBlocked": (403, _error("ipRefererBlocked"), C.ACCOUNT, 60),
    **{
        f"API_KEY_{what}_BLOCKED": (403, _error("forbidden", details=f"API_KEY_{what}_BLOCKED"), C.ACCOUNT, 60)
        for what in ("SERVICE", "IP_ADDRESS", "HTTP_REFERRER", "ANDROID_APP", "IOS_APP")
    },
    **{
        reason: (400, _error(reason), C.NON_RECOVERABLE, 0)
        for reason in (
            "missingRequiredParameter", "invalidPageToken", "invalidFilters", "incompatibleParameters",
            "unexpectedParameter", "unknownPart",
        )
    },
    "videoNotFound": (404, _error("videoNotFound"), C.NON_RECOVERABLE, 0),
    "channelNotFound": (404, _error("channelNotFound"), C.NON_RECOVERABLE, 0),
    "internalError": (500, _error("internalError"), C.RECOVERABLE, 0),
    "backendError": (500, _error("backendError"), C.RECOVERABLE, 0),
    "503": (503, b"<html>unavailable</html>", C.RECOVERABLE, 0),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "category", "hold"), TABLE.values(), ids=TABLE)
async def test_every_row_of_the_error_table(
    status: int, body: bytes, category: ErrorCategory, hold: float
) -> None:
    """The reason decides, wherever the envelope has it; the day's quota waits for midnight in California."""
    rule, error = await refusal(PROVIDER, httpx.Response(status, content=body))

    assert rule.category is category
    assert hold_seconds(rule, error, NOW) == hold


async def test_told_delay_comes_before_midnight() -> None:
    """Whoever says when to come back knows better."""
    response = httpx.Response(403, headers={"Retry-After": "120"}, content=payload("youtube", "error_quota"))

    rule, error = await refusal(PROVIDER, response)

    assert hold_seconds(rule, error, NOW) == 120


async def test_reason_of_the_error_is_in_its_text() -> None:
    """Whoever reads the record sees why."""
    _, error = await refusal(PROVIDER, httpx.Response(400, content=payload("youtube", "error_key")))

    assert error.codes == ("badRequest", "API_KEY_INVALID", "INVALID_ARGUMENT")
    assert str(error) == "status 400 (badRequest)"
