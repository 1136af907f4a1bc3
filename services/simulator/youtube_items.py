"""The video and channel resources of YouTube: their parts, made from the facts of the world."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from services.simulator.videos import CHANNELS, Video, channel_title
from services.simulator.world import World

Part = dict[str, object]

_SPACE = float(1 << 32)
_FIRST_DAY = datetime(2015, 1, 1, tzinfo=UTC)
_DAYS = (datetime(2026, 11, 20, tzinfo=UTC) - _FIRST_DAY).days


def video_item(world: World, chosen: str, parts: list[str]) -> Part | None:
    video = world.videos.find(chosen.removeprefix("id="))
    if video is None:
        return None
    item: Part = {"kind": "youtube#video", "etag": f"v{video.number:x}", "id": video.id}
    for part in parts:
        if build := _VIDEO_PARTS.get(part):
            item[part] = build(world, video)
    return item


def _is_upcoming(video: Video) -> bool:
    return video.draws[5] % 200 == 0


def _video_snippet(world: World, video: Video) -> Part:
    topic = video.title.split()[-1].strip("?").lower()
    return {
        "publishedAt": _moment(video.draws[0] / _SPACE),
        "channelId": world.videos.channel_id(video.channel),
        "title": video.title,
        "description": world.snippets[video.draws[1] % len(world.snippets)],
        "thumbnails": _thumbnails(f"https://i.ytimg.com/vi/{video.id}"),
        "channelTitle": channel_title(video.channel),
        "tags": [topic, "guide", f"{topic} tips"],
        "categoryId": str((22, 24, 26, 27, 28)[video.draws[1] % 5]),
        "liveBroadcastContent": "upcoming" if _is_upcoming(video) else "none",
        "localized": {"title": video.title, "description": ""},
    }


def _video_statistics(_: World, video: Video) -> Part:
    views = int(10 ** (1 + 6 * video.draws[2] / _SPACE))
    statistics: Part = {"viewCount": str(views), "favoriteCount": "0"}
    if video.draws[3] % 20:
        statistics["likeCount"] = str(views * (video.draws[3] % 60) // 1000)
    if video.draws[4] % 20:
        statistics["commentCount"] = str(views * (video.draws[4] % 20) // 2000)
    return statistics


def _video_content(_: World, video: Video) -> Part:
    return {
        "duration": "P0D" if _is_upcoming(video) else _duration(video.seconds),
        "dimension": "2d",
        "definition": "hd" if video.draws[4] % 8 else "sd",
        "caption": "true" if video.draws[4] % 3 == 0 else "false",
        "licensedContent": video.draws[4] % 2 == 0,
        "contentRating": {},
        "projection": "rectangular",
    }


def _video_status(_: World, video: Video) -> Part:
    return {
        "uploadStatus": "processed",
        "privacyStatus": "public",
        "license": "youtube",
        "embeddable": video.draws[3] % 30 != 0,
        "publicStatsViewable": True,
        "madeForKids": False,
    }


def _video_topics(_: World, video: Video) -> Part:
    name = ("Knowledge", "Technology", "Business", "Lifestyle_(sociology)")[video.draws[1] % 4]
    return {"topicCategories": [f"https://en.wikipedia.org/wiki/{name}"]}


def _video_live(_: World, video: Video) -> Part:
    return {"scheduledStartTime": "2026-12-24T18:00:00Z"} if _is_upcoming(video) else {}


def _video_player(_: World, video: Video) -> Part:
    return {
        "embedHtml": f'<iframe width="480" height="270" src="//www.youtube.com/embed/{video.id}"></iframe>'
    }


_VIDEO_PARTS: Mapping[str, Callable[[World, Video], Part]] = {
    "snippet": _video_snippet,
    "statistics": _video_statistics,
    "contentDetails": _video_content,
    "status": _video_status,
    "topicDetails": _video_topics,
    "liveStreamingDetails": _video_live,
    "player": _video_player,
}


def channel_item(world: World, chosen: str, parts: list[str]) -> Part | None:
    name, _, value = chosen.partition("=")
    channel = world.videos.find_channel(value) if name == "id" else _by_handle(name, value)
    if channel is None:
        return None
    item: Part = {
        "kind": "youtube#channel",
        "etag": f"c{channel:x}",
        "id": world.videos.channel_id(channel),
    }
    for part in parts:
        if build := _CHANNEL_PARTS.get(part):
            item[part] = build(world, channel)
    return item


def _by_handle(name: str, value: str) -> int | None:
    handle = value.removeprefix("@").lower()
    digits = handle.lstrip("abcdefghijklmnopqrstuvwxyz")
    if name != "forHandle" or not digits.isdigit() or int(digits) >= CHANNELS:
        return None
    return int(digits) if _handle(int(digits)) == f"@{handle}" else None


def _handle(channel: int) -> str:
    return "@" + channel_title(channel).replace(" ", "").lower()


def _channel_snippet(world: World, channel: int) -> Part:
    title, draws = channel_title(channel), world.videos.draws(channel)
    description = world.snippets[draws[0] % len(world.snippets)]
    snippet: Part = {
        "title": title,
        "description": description,
        "customUrl": _handle(channel),
        "publishedAt": _moment(draws[1] / _SPACE / 2),
        "thumbnails": _thumbnails(f"https://yt3.ggpht.com/{channel}"),
        "localized": {"title": title, "description": description},
    }
    if draws[2] % 3:
        snippet["country"] = ("US", "GB", "DE", "SA", "VN")[draws[2] % 5]
    return snippet


def _channel_statistics(world: World, channel: int) -> Part:
    draws = world.videos.draws(channel)
    subscribers = int(10 ** (1 + 6 * draws[3] / _SPACE))
    statistics: Part = {
        "viewCount": str(subscribers * (20 + draws[4] % 200)),
        "hiddenSubscriberCount": draws[5] % 20 == 0,
        "videoCount": str(1 + draws[4] % 900),
    }
    if draws[5] % 20:
        scale = 10 ** max(0, len(str(subscribers)) - 3)
        statistics["subscriberCount"] = str(subscribers // scale * scale)
    elif draws[5] % 40 == 0:
        statistics["subscriberCount"] = "0"
    return statistics


def _channel_content(world: World, channel: int) -> Part:
    return {"relatedPlaylists": {"likes": "", "uploads": "UU" + world.videos.channel_id(channel)[2:]}}


def _channel_branding(_: World, channel: int) -> Part:
    return {"channel": {"title": channel_title(channel), "country": "US"}, "image": {}}


def _channel_status(_: World, __: int) -> Part:
    return {"privacyStatus": "public", "isLinked": True, "longUploadsStatus": "allowed"}


_CHANNEL_PARTS: Mapping[str, Callable[[World, int], Part]] = {
    "snippet": _channel_snippet,
    "statistics": _channel_statistics,
    "contentDetails": _channel_content,
    "brandingSettings": _channel_branding,
    "status": _channel_status,
}


def _thumbnails(base: str) -> Part:
    sizes = (("default", 120, 90), ("medium", 320, 180), ("high", 480, 360))
    return {
        name: {"url": f"{base}/{name}.jpg", "width": width, "height": height} for name, width, height in sizes
    }


def _moment(share: float) -> str:
    """A date and time between the first day and the last, by a share in [0, 1)."""
    days = share * _DAYS
    then = _FIRST_DAY + timedelta(days=int(days), seconds=int(days % 1 * 24 * 60 * 60))
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(seconds: int) -> str:
    """ISO 8601, without the parts that are zero."""
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = ((hours, "H"), (minutes, "M"), (rest, "S"))
    return "PT" + "".join(f"{value}{unit}" for value, unit in parts if value)
