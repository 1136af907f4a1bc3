"""The report: from completed searches and videos to what is shown and exported."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from shared.domain import keys
from shared.domain.curves import CURVES, Curve, curve
from shared.domain.report_schema import (
    Company,
    Coverage,
    Keyword,
    Meta,
    Method,
    Page,
    PageCoverage,
    PhaseCoverage,
    Report,
    SearchCoverage,
    UsedCurve,
    Video,
)
from shared.domain.results import Ranking, VideoResult
from shared.domain.roles import Roles
from shared.domain.share_of_voice import SearchRow, expected_clicks, merged, standings

__all__ = ["Meta", "PhaseCoverage", "Report", "SearchRow", "VideoRow", "build_report"]

#: Pages listed per content type, by expected clicks. A table of all of them is another export.
PAGE_CAP: Final = 500
#: States of a pipeline nothing will be added to.
ENDED: Final = frozenset({"completed", "completed_with_gaps", "failed", "cancelled"})
_TYPE_ORDER: Final = {"organic": 0, "news": 1, "video": 2}

_Searches = dict[tuple[str, str, str], list[Ranking]]


class VideoRow(msgspec.Struct, frozen=True):
    """A video whose lookup completed."""

    video_id: str
    result: VideoResult


def build_report(
    meta: Meta,
    searches: Iterable[SearchRow],
    videos: Iterable[VideoRow],
    curve_id: str,
    phases: Sequence[PhaseCoverage] = (),
) -> Report:
    """The report of what is completed so far. Raises ValueError for an unknown curve or a search outside `meta`."""
    used = curve(curve_id)
    content_types = sorted(
        dict.fromkeys(meta.content_types), key=lambda name: (_TYPE_ORDER.get(name, 9), name)
    )
    regions = sorted(set(meta.regions))
    found = merged(searches)
    for keyword, region, content_type in found:
        if region not in regions or content_type not in content_types:
            raise ValueError(
                f"search {keyword!r} is of {region}/{content_type}, which this pipeline does not ask for"
            )
    roles = Roles(meta.company, meta.competitors)
    companies = tuple(
        Company(
            **msgspec.structs.asdict(standing),
            name=roles.name(standing.domain),
            role=roles.role(standing.domain),
        )
        for standing in standings(
            found,
            used,
            [(content_type, region) for content_type in content_types for region in (None, *regions)],
            always=roles.parties,
        )
    )
    pages, listed = _pages(found, used, content_types)
    return Report(
        meta=msgspec.structs.replace(meta, final=meta.state in ENDED),
        method=_method(used),
        coverage=_coverage(meta, found, phases, regions, content_types, pages=listed),
        companies=companies,
        pages=pages,
        videos=_videos(found, videos),
        keywords=_keywords(found, roles, content_types),
    )


def _method(used: Curve) -> Method:
    return Method(
        curve=UsedCurve(used.id, used.version, used.shares, used.tail),
        band_curves=tuple(sorted(CURVES)),
        weighting="Every search weighs 1: search volumes are not collected yet.",
        several_urls="All results of a domain in one search count. Results at one position share its clicks.",
        domains="Registrable domains by the public suffix list with its private section.",
        content_types="Organic, news and video have a share of voice each and are never summed.",
        visibility="Expected clicks of the best place in each search, against first place in all of them.",
        average_position="Mean of the best place in each search the domain ranks in.",
    )


def _coverage(
    meta: Meta,
    found: _Searches,
    phases: Sequence[PhaseCoverage],
    regions: list[str],
    content_types: list[str],
    *,
    pages: tuple[PageCoverage, ...],
) -> Coverage:
    completed = Counter(search[1:] for search in found)
    searches = []
    for content_type in content_types:
        for region in regions:
            done = completed[region, content_type]
            share = done / meta.keywords if meta.keywords else None
            searches.append(SearchCoverage(region, content_type, meta.keywords, done, share))
    shown = tuple(
        msgspec.structs.replace(phase, share=phase.completed / phase.planned if phase.planned else None)
        for phase in phases
    )
    return Coverage(
        complete=all(phase.completed == phase.planned and not phase.degraded for phase in phases)
        and all(search.completed == search.planned for search in searches),
        phases=shown,
        searches=tuple(searches),
        pages=pages,
    )


def _pages(
    found: _Searches, used: Curve, content_types: list[str]
) -> tuple[tuple[Page, ...], tuple[PageCoverage, ...]]:
    clicks: dict[tuple[str, str], list[float]] = {}
    searches: dict[tuple[str, str], set[tuple[str, str, str]]] = {}
    best: dict[tuple[str, str], Ranking] = {}
    for search, rankings in found.items():
        for ranking, expected in zip(rankings, expected_clicks(rankings, used), strict=True):
            page = (search[2], ranking.url)
            clicks.setdefault(page, []).append(expected)
            searches.setdefault(page, set()).add(search)
            if page not in best or ranking.position < best[page].position:
                best[page] = ranking
    strongest: dict[str, list[tuple[float, str]]] = {content_type: [] for content_type in content_types}
    for (content_type, url), terms in clicks.items():
        strongest[content_type].append((-math.fsum(terms), url))
    listed = tuple(
        Page(
            url=url,
            domain=best[content_type, url].domain,
            content_type=content_type,
            title=best[content_type, url].title,
            expected_clicks=-amount,
            searches=len(searches[content_type, url]),
            best_position=best[content_type, url].position,
        )
        for content_type, entries in strongest.items()
        for amount, url in sorted(entries)[:PAGE_CAP]
    )
    coverage = tuple(
        PageCoverage(content_type, found=len(entries), listed=min(len(entries), PAGE_CAP), cap=PAGE_CAP)
        for content_type, entries in strongest.items()
    )
    return listed, coverage


def _keywords(found: _Searches, roles: Roles, content_types: list[str]) -> tuple[Keyword, ...]:
    rows = [
        Keyword(
            keyword=keyword,
            region=region,
            content_type=content_type,
            results=len(rankings),
            leader=rankings[0].domain if rankings else None,
            client_position=min((r.position for r in rankings if r.domain in roles.client), default=None),
        )
        for (keyword, region, content_type), rankings in found.items()
    ]
    return tuple(
        sorted(rows, key=lambda row: (content_types.index(row.content_type), row.keyword, row.region))
    )


def _videos(found: _Searches, videos: Iterable[VideoRow]) -> tuple[Video, ...]:
    """Videos that rank or were looked up; most appearances first, then most views."""
    looked_up = {row.video_id: row.result for row in videos}
    appearances: Counter[str] = Counter(dict.fromkeys(looked_up, 0))
    best: dict[str, Ranking] = {}
    for rankings in found.values():
        for ranking in rankings:
            if video := keys.video_id(ranking.url):
                appearances[video] += 1
                if video not in best or ranking.position < best[video].position:
                    best[video] = ranking
    rows = [
        _video(video, looked_up.get(video), best.get(video), count) for video, count in appearances.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.appearances, -(row.views or 0), row.id)))


def _video(video: str, result: VideoResult | None, best: Ranking | None, appearances: int) -> Video:
    known = result or VideoResult(found=False)
    return Video(
        id=video,
        found=result.found if result else None,
        title=known.title or (best.title if best else "") or None,
        channel=known.channel or (best.source if best else "") or None,
        channel_id=known.channel_id or None,
        published_at=known.published_at or None,
        duration=known.duration or None,
        views=known.views,
        likes=known.likes,
        comments=known.comments,
        subscribers=known.subscribers,
        appearances=appearances,
        best_position=best.position if best else None,
    )
