"""The tables of content: what kinds of pages the clicks go to, whose they are, and how pages score."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.domain.basis import ORGANIC, Basis
from shared.domain.market import places
from shared.domain.report_insights import DimensionRow, PageScore, Theme, ThemeShare
from shared.domain.report_rows import AnalysisRow
from shared.domain.report_schema import Page
from shared.domain.results import CompanyResult
from shared.domain.serp_features import corrected

#: A page speaks to a persona or is of a dimension from this score on: "moderate" begins here.
SPEAKS: Final = 5.0
#: A high score begins here.
HIGH: Final = 7.0
#: Companies listed per theme, beside client and competitors.
SHARE_CAP: Final = 15

_Theme = tuple[str, str]
"""Axis and name."""
_AXES: Final = ("journey_phase", "page_type", "sentiment", "persona", "dimension")


def themes_of(row: AnalysisRow) -> tuple[_Theme, ...]:
    """What a page is: one of each kind of label, and whatever it scores well for."""
    said = ((axis, getattr(row, axis)) for axis in _AXES[:3])
    scored = (
        (*dimension.partition(":")[::2], score)
        for dimension, score in row.scores.items()
        if score is not None and score >= SPEAKS
    )
    return (
        *((axis, name) for axis, name in said if name),
        *((axis, name) for axis, name, _ in scored if axis in _AXES and name),
    )


class _Clicks:
    """Clicks by theme, region and company; lists, so that sums do not depend on any order."""

    def __init__(self) -> None:
        self.pages: dict[tuple[_Theme, str | None], set[str]] = defaultdict(set)
        self.clicks: dict[tuple[_Theme, str | None], list[float]] = defaultdict(list)
        self.analysed: dict[str | None, list[float]] = defaultdict(list)
        self.own_pages: dict[tuple[_Theme, str], set[str]] = defaultdict(set)
        self.own: dict[tuple[_Theme, str], list[float]] = defaultdict(list)
        self.own_analysed: dict[str, list[float]] = defaultdict(list)

    def add(self, page: str, company: str, region: str, expected: float, found: Iterable[_Theme]) -> None:
        for where in (None, region):
            self.analysed[where].append(expected)
        self.own_analysed[company].append(expected)
        for theme in found:
            self.own[theme, company].append(expected)
            self.own_pages[theme, company].add(page)
            for where in (None, region):
                self.clicks[theme, where].append(expected)
                self.pages[theme, where].add(page)


def themes(
    basis: Basis, analyses: Iterable[AnalysisRow], matches: Mapping[str, CompanyResult]
) -> tuple[tuple[Theme, ...], tuple[ThemeShare, ...]]:
    """By axis, theme and region; then whose the clicks of each theme are, over all regions."""
    kinds = {row.page: themes_of(row) for row in analyses}
    counted = _Clicks()
    for page, company, region, expected in _expected(basis, kinds):
        counted.add(page, company, region, expected, kinds[page])
    regions: tuple[str | None, ...] = (None, *basis.regions)
    names = sorted(
        {theme for theme, _ in counted.clicks}, key=lambda theme: (_AXES.index(theme[0]), theme[1])
    )
    listed: list[Theme] = []
    shares: list[ThemeShare] = []
    for theme in names:
        whose = {company: math.fsum(found) for (of, company), found in counted.own.items() if of == theme}
        order = sorted(whose, key=lambda company: (-whose[company], company))
        leader = next(
            (company for company in order if company not in basis.roles.platforms and whose[company]), None
        )
        for where in regions:
            if (theme, where) in counted.clicks:
                clicks = math.fsum(counted.clicks[theme, where])
                whole = math.fsum(counted.analysed[where])
                listed.append(
                    Theme(
                        axis=theme[0],
                        theme=theme[1],
                        region=where,
                        pages=len(counted.pages[theme, where]),
                        expected_clicks=clicks,
                        mix=min(1.0, clicks / whole) if whole else None,
                        leader=leader if where is None else None,
                    )
                )
        total = math.fsum(counted.clicks[theme, None])
        shown = [name for n, name in enumerate(order) if n < SHARE_CAP or name in basis.roles.parties]
        shares += [
            ThemeShare(
                axis=theme[0],
                theme=theme[1],
                company=company,
                name=basis.roles.name(company, matches),
                role=basis.roles.role(company),
                pages=len(counted.own_pages[theme, company]),
                expected_clicks=whose[company],
                share=whose[company] / total,
                mix=min(1.0, whose[company] / math.fsum(counted.own_analysed[company])),
            )
            for company in shown
            if whose[company]
        ]
    return tuple(listed), tuple(shares)


def _expected(basis: Basis, kinds: Mapping[str, object]) -> Iterator[tuple[str, str, str, float]]:
    """Page, company, region and clicks of every web result whose page was analysed and whose weight is known."""
    if not kinds:
        return
    for search, rankings in basis.found.items():
        weight = basis.weights.weight(search[0], search[1])
        if search[2] != ORGANIC or not weight:
            continue
        curve = corrected(basis.curve, basis.layout(search))
        for ranking, (position, sharing, _) in zip(rankings, places(rankings), strict=True):
            if (page := basis.page(ranking.url)) in kinds:
                yield (
                    page,
                    basis.roles.company(ranking.domain),
                    search[1],
                    weight * (curve.ctr(position) / sharing),
                )


def dimensions(analyses: Iterable[AnalysisRow]) -> tuple[DimensionRow, ...]:
    """How pages score, by dimension."""
    scores: dict[str, list[float]] = defaultdict(list)
    void: dict[str, int] = defaultdict(int)
    for row in analyses:
        for dimension, score in row.scores.items():
            if score is None:
                void[dimension] += 1
            else:
                scores[dimension].append(score)
    return tuple(_dimension(name, sorted(scores[name]), void[name]) for name in sorted({*scores, *void}))


def _dimension(name: str, scores: list[float], void: int) -> DimensionRow:
    mean = math.fsum(scores) / len(scores) if scores else None
    deviation = None
    if mean is not None:
        deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))
    return DimensionRow(
        dimension=name,
        pages=len(scores),
        void=void,
        mean=mean,
        deviation=deviation,
        lowest=scores[0] if scores else None,
        highest=scores[-1] if scores else None,
        high=sum(score >= HIGH for score in scores),
        low=sum(score < SPEAKS for score in scores),
    )


def page_scores(
    basis: Basis, pages: Iterable[Page], analyses: Iterable[AnalysisRow]
) -> tuple[PageScore, ...]:
    """Scores of the listed pages, by page and dimension."""
    analysed = {row.page: row for row in analyses}
    return tuple(
        PageScore(page.url, page.content_type, dimension, score)
        for page in pages
        if (row := analysed.get(basis.page(page.url)))
        for dimension, score in sorted(row.scores.items())
    )
