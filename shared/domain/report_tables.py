"""The tables of a report that are not about companies: pages, videos, keywords."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

from shared.domain.basis import Basis
from shared.domain.gaps import client_position
from shared.domain.market import places
from shared.domain.report_coverage import PageCoverage
from shared.domain.report_rows import AnalysisRow, PageRow, VideoRow
from shared.domain.report_schema import Keyword, Page, Video
from shared.domain.results import Ranking, VideoResult
from shared.domain.serp_features import corrected

#: Pages listed per content type, by expected clicks. A table of all of them is another export.
PAGE_CAP: Final = 500


class _Seen:
    """A page in the searches of one content type."""

    __slots__ = ("best", "clicks", "searches")

    def __init__(self, best: Ranking) -> None:
        self.best = best
        self.clicks: list[float] = []
        self.searches: set[tuple[str, str, str]] = set()

    def expected(self) -> float | None:
        """Clicks. None: unknown."""
        return math.fsum(self.clicks) if self.clicks else None

    def order(self) -> tuple[bool, float, str]:
        """Most clicks first, unknown ones last."""
        expected = self.expected()
        return expected is None, -(expected or 0.0), self.best.url


def pages(
    basis: Basis, analyses: Iterable[AnalysisRow], fetched: Iterable[PageRow] = ()
) -> tuple[tuple[Page, ...], tuple[PageCoverage, ...]]:
    """The strongest pages of each content type, and how many there are."""
    analysed = {row.page: row for row in analyses}
    texts = {row.page: row for row in fetched if row.found}
    seen: dict[str, dict[str, _Seen]] = {content_type: {} for content_type in basis.content_types}
    for search, rankings in basis.found.items():
        keyword, region, content_type = search
        weight = basis.weights.weight(keyword, region)
        by_page = seen[content_type]
        curve = corrected(basis.curve, basis.layout(search))
        for ranking, (position, sharing, _) in zip(rankings, places(rankings), strict=True):
            page = basis.page(ranking.url)
            one = by_page.get(page)
            if one is None:
                one = by_page[page] = _Seen(ranking)
            elif position < one.best.position:
                one.best = ranking
            one.searches.add(search)
            if weight is not None:
                one.clicks.append(weight * (curve.ctr(position) / sharing))
    listed, coverage = [], []
    for content_type, by_page in seen.items():
        order = sorted(by_page, key=lambda page: by_page[page].order())[:PAGE_CAP]
        listed += [
            _page(by_page[page], content_type, basis.relevance.get(page), analysed.get(page), texts.get(page))
            for page in order
        ]
        coverage.append(PageCoverage(content_type, found=len(by_page), listed=len(order), cap=PAGE_CAP))
    return tuple(listed), tuple(coverage)


def _page(
    seen: _Seen, content_type: str, relevance: float | None, row: AnalysisRow | None, text: PageRow | None
) -> Page:
    return Page(
        url=seen.best.url,
        domain=seen.best.domain,
        content_type=content_type,
        title=seen.best.title,
        expected_clicks=seen.expected(),
        searches=len(seen.searches),
        best_position=seen.best.position,
        relevance=relevance,
        journey_phase=(row.journey_phase if row else "") or None,
        page_type=(row.page_type if row else "") or None,
        sentiment=(row.sentiment if row else "") or None,
        words=text.words if text else None,
        language=(text.language if text else "") or None,
        published=(text.published if text else "") or None,
    )


def keywords(basis: Basis) -> tuple[Keyword, ...]:
    """Every completed search, by content type, keyword and region."""
    rows = [
        Keyword(
            keyword=keyword,
            region=region,
            content_type=content_type,
            volume=basis.weights.volume(keyword, region),
            results=len(rankings),
            leader=rankings[0].domain if rankings else None,
            client_position=client_position(basis, rankings),
        )
        for (keyword, region, content_type), rankings in basis.found.items()
    ]
    order = basis.content_types.index
    return tuple(sorted(rows, key=lambda row: (order(row.content_type), row.keyword, row.region)))


def videos(basis: Basis, looked_up: Iterable[VideoRow]) -> tuple[Video, ...]:
    """Videos that rank or were looked up; most appearances first, then most views."""
    known = {row.video_id: row.result for row in looked_up}
    appearances: Counter[str] = Counter(dict.fromkeys(known, 0))
    best: dict[str, Ranking] = {}
    for rankings in basis.found.values():
        for ranking in rankings:
            if video := basis.video(ranking.url):
                appearances[video] += 1
                if video not in best or ranking.position < best[video].position:
                    best[video] = ranking
    views = sum(result.views or 0 for result in known.values())
    rows = [
        _video(video, known.get(video), best.get(video), count, views) for video, count in appearances.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.appearances, -(row.views or 0), row.id)))


def _video(
    video: str, result: VideoResult | None, best: Ranking | None, appearances: int, views: int
) -> Video:
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
        view_share=known.views / views if known.views is not None and views else None,
        likes=known.likes,
        comments=known.comments,
        subscribers=known.subscribers,
        appearances=appearances,
        best_position=best.position if best else None,
        engagement=engagement(known.views, known.likes, known.comments),
    )


def engagement(views: int | None, likes: int | None, comments: int | None) -> float | None:
    """Likes and comments by view. None: unknown, or nobody looked."""
    if not views or likes is None or comments is None:
        return None
    return (likes + comments) / views
