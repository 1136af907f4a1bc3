"""YouTube Data API v3: videos and their channels, 50 ids per call, one quota unit each.

10,000 units a day, back at midnight Pacific. Ids that are private, deleted or never existed are
simply missing from the answer.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.item import Item
from shared.domain.provider import Call, Completed, Endpoint, Fact, Limits, Outcome, Provider, Request
from shared.domain.results import VideoResult
from shared.domain.retry import RetryPolicy
from shared.errors import AnswerError

IDS_PER_CALL = 50
#: One channel's id: anything else in the list of ids would spoil the call for the other forty-nine.
_CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

_DAILY = ("quotaExceeded", "dailyLimitExceeded")
_THROTTLED = ("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED")
_ACCOUNT = (
    "keyInvalid", "API_KEY_INVALID", "accessNotConfigured", "SERVICE_DISABLED", "ipRefererBlocked", "forbidden",
    "API_KEY_SERVICE_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED",
)  # fmt: skip

PROVIDER = Provider(
    name="youtube",
    service="media",
    base_url="https://www.googleapis.com/youtube/v3",
    auth=("header", "X-Goog-Api-Key"),
    limits=Limits(
        concurrency=20, requests_per_second=20, units_per_day=10_000, day_zone="America/Los_Angeles"
    ),
    retry=RetryPolicy(attempts=5, base_seconds=1.0, cap_seconds=60.0),
    items_per_call=IDS_PER_CALL,
    unit="unit",
    error_units=1.0,  # invalid requests cost at least one unit too
    timeout_seconds=30.0,
    freshness_seconds=24 * 60 * 60,
    breaker=BreakerPolicy(5, 300.0),
    error_codes=("error.errors.reason", "error.details.reason", "error.status"),
    errors=(
        *(ErrorRule(ErrorCategory.QUOTA, code=code, until="midnight_pacific") for code in _DAILY),
        # The same reason stands for limits per minute and per day; only the message tells them apart.
        *(
            ErrorRule(ErrorCategory.QUOTA, code=c, pattern="per day", until="midnight_pacific")
            for c in _THROTTLED
        ),
        *(ErrorRule(ErrorCategory.THROTTLED, code=code) for code in _THROTTLED),
        *(ErrorRule(ErrorCategory.ACCOUNT, code=code) for code in _ACCOUNT),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=400),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=404),
    ),
)


class _Snippet(msgspec.Struct, rename="camel"):
    channel_id: str = ""
    title: str = ""
    channel_title: str = ""
    published_at: str = ""


class _Details(msgspec.Struct, rename="camel"):
    duration: str = ""


#: What the record holds, 64 bits with a sign; the documented type has none.
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _Statistics(msgspec.Struct, rename="camel"):
    view_count: _Count | None = None
    like_count: _Count | None = None
    comment_count: _Count | None = None
    subscriber_count: _Count | None = None
    hidden_subscriber_count: bool = False


class _Resource(msgspec.Struct, rename="camel"):
    id: str
    snippet: _Snippet = msgspec.field(default_factory=_Snippet)
    content_details: _Details = msgspec.field(default_factory=_Details)
    statistics: _Statistics = msgspec.field(default_factory=_Statistics)


class _Page(msgspec.Struct, kw_only=True):
    items: list[_Resource] = []


class _Videos(_Page, kw_only=True):
    kind: Literal["youtube#videoListResponse"]


class _Channels(_Page, kw_only=True):
    kind: Literal["youtube#channelListResponse"]


class Video(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer about a video. Counts are None when hidden."""

    channel_id: str
    title: str = ""
    channel: str = ""
    published_at: str = ""
    duration: str = ""
    views: int | None = None
    likes: int | None = None
    comments: int | None = None


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer about a channel."""

    subscribers: int | None = None


def _resources(body: bytes, page: type[_Page]) -> Mapping[str, _Resource]:
    # 64-bit integers come as JSON strings.
    items = msgspec.json.decode(body, type=page, strict=False).items
    resources = {resource.id: resource for resource in items}
    if len(resources) < len(items):
        raise AnswerError("an id came twice", codes=("malformed",))
    return resources


def _ask(path: str, part: str, ids: Sequence[str]) -> Request:
    return Request(path, {"part": part, "id": ",".join(ids)})


def _read_videos(body: bytes, _: Sequence[str]) -> Mapping[str, Video]:
    return {
        video: Video(
            r.snippet.channel_id if _CHANNEL.fullmatch(r.snippet.channel_id) else "",
            r.snippet.title, r.snippet.channel_title, r.snippet.published_at, r.content_details.duration,
            r.statistics.view_count, r.statistics.like_count, r.statistics.comment_count,
        )
        for video, r in _resources(body, _Videos).items()
    }  # fmt: skip


def _read_channels(body: bytes, _: Sequence[str]) -> Mapping[str, Channel]:
    return {
        channel: Channel(None if r.statistics.hidden_subscriber_count else r.statistics.subscriber_count)
        for channel, r in _resources(body, _Channels).items()
    }


def _one_unit(_: object) -> float:
    return 1.0


VIDEOS = Endpoint(
    "videos", Video, lambda ids, _: _ask("/videos", "snippet,contentDetails,statistics", ids),
    _read_videos, _one_unit, _one_unit, per_call=IDS_PER_CALL,
)  # fmt: skip
CHANNELS = Endpoint(
    "channels", Channel, lambda ids, _: _ask("/channels", "statistics", ids),
    _read_channels, _one_unit, _one_unit, per_call=IDS_PER_CALL,
)  # fmt: skip


async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
    """Up to 50 videos, then the channels they belong to."""
    videos = await call(VIDEOS, [item.key for item in items])
    owners = {
        video.answer.channel_id for video in videos.values() if video.answer and video.answer.channel_id
    }
    channels = await call(CHANNELS, sorted(owners)) if owners else {}
    return {item.item_id: _outcome(videos[item.key], channels) for item in items}


def _outcome(video: Fact[Video], channels: Mapping[str, Fact[Channel]]) -> Outcome:
    answer = video.answer
    if answer is None:
        return Completed(VideoResult(found=False), (video,), degraded="not_found")
    channel = channels.get(answer.channel_id)
    known = channel.answer if channel else None
    result = VideoResult(
        found=True, title=answer.title, channel_id=answer.channel_id, channel=answer.channel,
        published_at=answer.published_at, duration=answer.duration, views=answer.views, likes=answer.likes,
        comments=answer.comments, subscribers=known.subscribers if known else None,
    )  # fmt: skip
    return Completed(
        result, (video, channel) if channel else (video,), degraded="" if known else "no_channel"
    )
