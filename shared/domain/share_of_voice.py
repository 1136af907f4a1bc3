"""Share of voice of the domains that rank, per region and content type.

Each search weighs 1 as long as no volumes are collected. Ranks are first counted per position, in whole
numbers, and only then turned into clicks: no figure depends on the order of its input.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from shared.domain.curves import CURVES, DEEPEST, Curve
from shared.domain.results import Ranking


class SearchRow(msgspec.Struct, frozen=True):
    """A completed search with what ranked in it."""

    item_id: int
    keyword: str
    region: str
    content_type: str
    rankings: tuple[Ranking, ...]

    @property
    def search(self) -> tuple[str, str, str]:
        """What makes two rows the same search."""
        return self.keyword, self.region, self.content_type


class Standing(msgspec.Struct, frozen=True):
    """How a domain stands in one content type, in one region or in all of them. Shares are in [0, 1]."""

    domain: str
    region: str | None
    """None: all regions together, each completed search weighing the same."""
    content_type: str
    share_of_voice: float | None
    """Of the expected clicks of all domains that rank. None: no search was completed, so it is unknown."""
    share_low: float | None
    """Lowest and highest share over the accepted curves."""
    share_high: float | None
    expected_clicks: float | None
    """When each search is made once."""
    visibility: float | None
    """1 would be first place in every search; the best place in each search counts."""
    keyword_coverage: float | None
    """Share of the completed searches with the domain in the first 20."""
    appearances: int
    """Results, several in one search included."""
    best_position: int | None
    average_position: float | None
    """Mean of the best place in each search it ranks in."""


@dataclass(slots=True)
class _Tally:
    """Counts of one domain, in whole numbers."""

    places: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(position, results that share it) -> results."""
    best: Counter[int] = field(default_factory=Counter)
    """Best position in a search -> searches."""

    def add(self, other: "_Tally") -> None:
        self.places.update(other.places)
        self.best.update(other.best)

    def clicks(self, curve: Curve) -> float:
        return math.fsum(
            count * curve.ctr(position) / sharing
            for (position, sharing), count in sorted(self.places.items())
        )


@dataclass(slots=True)
class _Market:
    """One content type in one region, or in all of them."""

    searches: int = 0
    tallies: dict[str, _Tally] = field(default_factory=dict)

    def add(self, other: "_Market") -> None:
        self.searches += other.searches
        for domain, tally in other.tallies.items():
            self.tallies.setdefault(domain, _Tally()).add(tally)


Scope = tuple[str, str | None]
"""Content type and region, None for all regions."""


def merged(searches: Iterable[SearchRow]) -> dict[tuple[str, str, str], list[Ranking]]:
    """Rankings by search, sorted; the same URL at the same position of a search is one result."""
    found: dict[tuple[str, str, str], dict[tuple[int, str], Ranking]] = {}
    for row in searches:
        results = found.setdefault(row.search, {})
        for ranking in row.rankings:
            results.setdefault((ranking.position, ranking.url), ranking)
    return {
        search: [results[place] for place in sorted(results)] for search, results in sorted(found.items())
    }


def standings(
    searches: Mapping[tuple[str, str, str], list[Ranking]],
    curve: Curve,
    scopes: Iterable[Scope],
    always: Iterable[str] = (),
) -> Iterator[Standing]:
    """Standing of each domain in each scope, strongest first; `searches` as `merged` gives them.

    Domains of `always` are given in every scope, also where they do not rank. Content types are never
    summed. Where anything ranks in the first 20 the shares of a scope sum to 1.
    """
    markets = _count(searches)
    wanted = tuple(always)
    for scope in scopes:
        market = markets.get(scope, _Market())
        for domain in wanted:
            market.tallies.setdefault(domain, _Tally())
        yield from _rank(market, scope, curve)


def expected_clicks(rankings: list[Ranking], curve: Curve) -> list[float]:
    """Clicks each result of one search may expect. Results printed at one position share its clicks."""
    sharing = Counter(ranking.position for ranking in rankings)
    return [curve.ctr(ranking.position) / sharing[ranking.position] for ranking in rankings]


def _count(searches: Mapping[tuple[str, str, str], list[Ranking]]) -> dict[Scope, _Market]:
    markets: dict[Scope, _Market] = {}
    for (_, region, content_type), rankings in searches.items():
        market = markets.setdefault((content_type, region), _Market())
        market.searches += 1
        sharing = Counter(ranking.position for ranking in rankings)
        best: dict[str, int] = {}
        for ranking in rankings:
            tally = market.tallies.get(ranking.domain)
            if tally is None:
                tally = market.tallies[ranking.domain] = _Tally()
            tally.places[ranking.position, sharing[ranking.position]] += 1
            if ranking.position < best.get(ranking.domain, ranking.position + 1):
                best[ranking.domain] = ranking.position
        for domain, position in best.items():
            market.tallies[domain].best[position] += 1
    everywhere: dict[Scope, _Market] = {}
    for (content_type, _), market in markets.items():
        everywhere.setdefault((content_type, None), _Market()).add(market)
    return markets | everywhere


def _rank(market: _Market, scope: Scope, curve: Curve) -> list[Standing]:
    shares = {used.id: _shares(market, used) for used in {**CURVES, curve.id: curve}.values()}
    content_type, region = scope
    rows = []
    for domain, tally in market.tallies.items():
        known = market.searches > 0
        band = [share[domain] for share in shares.values()]
        searches = tally.best.total()
        rows.append(
            Standing(
                domain=domain,
                region=region,
                content_type=content_type,
                share_of_voice=shares[curve.id][domain] if known else None,
                share_low=min(band) if known else None,
                share_high=max(band) if known else None,
                expected_clicks=tally.clicks(curve) if known else None,
                visibility=_visibility(tally, curve, market.searches) if known else None,
                keyword_coverage=_within(tally, DEEPEST) / market.searches if known else None,
                appearances=tally.places.total(),
                best_position=min(tally.best, default=None),
                average_position=sum(p * n for p, n in tally.best.items()) / searches if searches else None,
            )
        )
    return sorted(rows, key=lambda row: (-(row.share_of_voice or 0.0), -row.appearances, row.domain))


def _shares(market: _Market, curve: Curve) -> dict[str, float]:
    clicks = {domain: tally.clicks(curve) for domain, tally in market.tallies.items()}
    total = math.fsum(clicks.values())
    return {domain: amount / total if total else 0.0 for domain, amount in clicks.items()}


def _visibility(tally: _Tally, curve: Curve, searches: int) -> float:
    clicks = math.fsum(count * curve.ctr(position) for position, count in sorted(tally.best.items()))
    return min(1.0, clicks / (searches * curve.ctr(1)))


def _within(tally: _Tally, depth: int) -> int:
    return sum(count for position, count in tally.best.items() if position <= depth)
