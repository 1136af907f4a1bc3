"""The tables of video channels and of news publishers."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.domain.basis import Basis
from shared.domain.market import places
from shared.domain.report_insights import Channel, Publisher
from shared.domain.report_rows import VideoRow
from shared.domain.report_tables import engagement
from shared.domain.results import VideoResult

_VIDEO: Final = "video"
_NEWS: Final = "news"


@dataclass(slots=True)
class _Channel:
    videos: dict[str, VideoResult | None] = field(default_factory=dict)
    appearances: int = 0
    clicks: list[float] = field(default_factory=list)

    def views(self) -> int | None:
        """Sum of the known ones."""
        known = [video.views for video in self.videos.values() if video and video.views is not None]
        return sum(known) if known else None

    def engagement(self) -> float | None:
        """Over the videos of which views, likes and comments are known."""
        known = [
            (video.views, video.likes, video.comments)
            for video in self.videos.values()
            if video and engagement(video.views, video.likes, video.comments) is not None
        ]
        views, likes, comments = (
            (sum(count or 0 for count in counts) for counts in zip(*known, strict=True))
            if known
            else (0, 0, 0)
        )
        return engagement(views, likes, comments)


def channels(basis: Basis, looked_up: Iterable[VideoRow]) -> tuple[Channel, ...]:
    """Channels of the YouTube videos in video searches, largest share first.

    A channel goes by its id where its videos were looked up, else by the name printed with the result.
    """
    known = {row.video_id: row.result for row in looked_up}
    found: dict[tuple[str, str], _Channel] = {}
    everything: list[float] = []
    for (keyword, region, content_type), rankings in basis.found.items():
        if content_type != _VIDEO:
            continue
        weight = basis.weights.weight(keyword, region)
        for ranking, (position, sharing, _) in zip(rankings, places(rankings), strict=True):
            expected = None if weight is None else weight * (basis.curve.ctr(position) / sharing)
            if expected is not None:
                everything.append(expected)
            video = basis.video(ranking.url)
            if video is None:
                continue
            result = known.get(video)
            name = (result.channel if result else "") or ranking.source
            one = found.setdefault((result.channel_id if result else "", name), _Channel())
            one.videos[video] = result
            one.appearances += 1
            if expected is not None:
                one.clicks.append(expected)
    total = math.fsum(everything)
    views = sum(one.views() or 0 for one in found.values())
    rows = [_channel(key, one, total if everything else None, views) for key, one in found.items()]
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                -(row.share_of_voice or 0.0),
                -row.appearances,
                row.channel,
                row.channel_id or "",
            ),
        )
    )


def _channel(key: tuple[str, str], one: _Channel, total: float | None, views: int) -> Channel:
    expected = math.fsum(one.clicks) if total is not None else None
    own = one.views()
    subscribers = [
        video.subscribers for video in one.videos.values() if video and video.subscribers is not None
    ]
    return Channel(
        channel_id=key[0] or None,
        channel=key[1],
        videos=len(one.videos),
        appearances=one.appearances,
        expected_clicks=expected,
        share_of_voice=expected / total if expected is not None and total else None,
        views=own,
        view_share=own / views if own is not None and views else None,
        engagement=one.engagement(),
        subscribers=max(subscribers, default=None),
    )


def publishers(basis: Basis) -> tuple[Publisher, ...]:
    """Publishers of news results by what their appearances weigh."""
    appearances: Counter[tuple[str, str]] = Counter()
    weighted: Counter[tuple[str, str]] = Counter()
    for (keyword, region, content_type), rankings in basis.found.items():
        if content_type == _NEWS:
            weight = basis.weights.weight(keyword, region)
            for ranking in rankings:
                key = (ranking.source or ranking.domain, ranking.domain)
                appearances[key] += 1
                weighted[key] += weight or 0
    total = weighted.total()
    rows = [
        Publisher(
            publisher=name,
            domain=domain,
            role=basis.roles.role(basis.roles.company(domain)),
            appearances=count,
            weighted_appearances=None if basis.weights.equal else weighted[name, domain],
            share=weighted[name, domain] / total if total else None,
        )
        for (name, domain), count in appearances.items()
    ]
    return tuple(
        sorted(rows, key=lambda row: (-(row.share or 0.0), -row.appearances, row.publisher, row.domain))
    )
