"""A market: who ranks how often at which position in a set of searches, counted in whole numbers.

Ranks are counted per position, weighted by whole numbers, before anything is turned into clicks: no figure
depends on the order of its input.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.curves import DEEPEST, Curve
from shared.domain.report_rows import SearchRow
from shared.domain.results import Ranking
from shared.domain.serp_features import PLAIN, Layout, corrected

Place = tuple[int, int, Layout]
"""A position, how many results of the search share it, and what else stands on the page."""

Found = dict[tuple[str, str, str], list[Ranking]]
"""Rankings by keyword, region and content type, as `merged` gives them."""


class Result(NamedTuple):
    """One ranked result of a search."""

    company: str
    place: Place
    relevance: float | None = None
    """Of its page; None: not analysed."""


class Search(NamedTuple):
    """A completed search, reduced to what is counted."""

    keyword: str
    """Canonical."""
    region: str
    content_type: str
    weight: int | None
    """None: unknown, so its clicks are left out."""
    results: tuple[Result, ...]
    """By position."""
    price: int | None = None
    """Of a click, in millionths; None: unknown."""


@dataclass(slots=True)
class Tally:
    """Counts of one company."""

    places: dict[Place, int] = field(default_factory=dict)
    """Weight of its results at each place."""
    analysed: dict[tuple[float, Place], int] = field(default_factory=dict)
    """Of those with an analysed page, by the page's relevance."""
    best: dict[int, int] = field(default_factory=dict)
    """Best position in a search -> searches."""
    weighted: dict[int, int] = field(default_factory=dict)
    """The same -> their weight, where it is known."""
    priced: dict[Place, int] = field(default_factory=dict)
    """Weight x price of a click at each place, where both are known."""
    keywords: set[str] = field(default_factory=set)
    """With a result in the first 20."""
    appearances: int = 0
    """Results, several in one search included."""

    def within(self, depth: int) -> int:
        """Searches with a result down to this position."""
        return sum(count for position, count in self.best.items() if position <= depth)


@dataclass(slots=True)
class Market:
    """One content type in one region, or in all of them."""

    planned: int | None = None
    """Weight of all searches that were asked for. None: one of them is unknown."""
    searches: int = 0
    """Completed ones."""
    weight: int = 0
    """Of those of known weight."""
    priced: int = 0
    """Of those with a known price of a click."""
    places: dict[Place, int] = field(default_factory=dict)
    """Weight of all results at each place."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    _expected: dict[Curve, dict[str, float]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def missing(self) -> int | None:
        """Weight of the searches that are not in the figures. None: unknown."""
        return None if self.planned is None else max(0, self.planned - self.weight)

    def add(self, search: Search) -> None:
        """Count a completed search. Its keyword may come again, in another region."""
        weight, tallies, shared = search.weight or 0, self.tallies, self.places
        price = search.price
        self._expected.clear()
        self.searches += 1
        self.weight += weight
        self.priced += weight if price is not None else 0
        seen: set[str] = set()
        for company, place, relevance in search.results:
            tally = tallies.get(company)
            if tally is None:
                tally = tallies[company] = Tally()
            tally.appearances += 1
            if company not in seen:  # results come by position, so this is its best
                seen.add(company)
                position, best = place[0], tally.best
                best[position] = best.get(position, 0) + 1
                if weight:
                    tally.weighted[position] = tally.weighted.get(position, 0) + weight
                if position <= DEEPEST:
                    tally.keywords.add(search.keyword)
            if not weight:
                continue
            own = tally.places
            own[place] = own.get(place, 0) + weight
            shared[place] = shared.get(place, 0) + weight
            if price is not None:
                tally.priced[place] = tally.priced.get(place, 0) + weight * price
            if relevance is not None:
                judged, analysed = (relevance, place), tally.analysed
                analysed[judged] = analysed.get(judged, 0) + weight

    def per_search(self, curve: Curve) -> dict[Place, float]:
        """Clicks that a result at each place of this market may expect of a search made once."""
        return per_search(curve, self.places)

    def expected(self, curve: Curve) -> dict[str, float]:
        """Clicks each company may expect; counted once, for the tables of markets, companies and strength alike."""
        found = self._expected.get(curve)
        if found is None:
            rates = self.per_search(curve)
            found = {name: clicks(tally.places, rates) for name, tally in self.tallies.items()}
            self._expected[curve] = found
        return found


def per_search(curve: Curve, found: Iterable[Place]) -> dict[Place, float]:
    """Clicks that a result at each of these places may expect of a search made once."""
    return {place: corrected(curve, place[2]).ctr(place[0]) / place[1] for place in found}


def clicks(places: Mapping[Place, int], per_search: Mapping[Place, float]) -> float:
    """Expected clicks of results counted by place; the same whatever their order."""
    return math.fsum([weight * per_search[place] for place, weight in places.items()])


def merged(searches: Iterable[SearchRow]) -> Found:
    """Rankings by search, sorted; the same URL at the same position of a search is one result."""
    found: dict[tuple[str, str, str], dict[tuple[int, str], Ranking]] = {}
    for row in searches:
        results = found.setdefault(row.search, {})
        for ranking in row.rankings:
            results.setdefault((ranking.position, ranking.url), ranking)
    return {
        search: [results[place] for place in sorted(results)] for search, results in sorted(found.items())
    }


def places(rankings: Iterable[Ranking], page: Layout = PLAIN) -> list[Place]:
    """The place of each result of one search. Results printed at one position share its clicks."""
    positions = [ranking.position for ranking in rankings]
    sharing = Counter(positions)
    return [(position, sharing[position], page) for position in positions]
