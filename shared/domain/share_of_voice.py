"""Share of voice of the companies that rank in a market, and how they stand otherwise."""

import math
from collections.abc import Collection, Container, Iterable

import msgspec

from shared.domain.curves import CURVES, DEEPEST, Curve
from shared.domain.market import Market, Tally, clicks


class Standing(msgspec.Struct, frozen=True):
    """How a company stands in a market. Shares are in [0, 1]."""

    company: str
    """The first of its domains."""
    rank: int | None
    """By share of voice among those that rank and are no platforms; equal shares have equal ranks."""
    share_of_voice: float | None
    """Of the expected clicks of all that rank. None: no search of known weight was completed, so it is unknown."""
    share_low: float | None
    """Lowest and highest share over the accepted curves."""
    share_high: float | None
    possible_low: float | None
    """Share if the searches that are missing gave it nothing, and if they gave it all their clicks.

    None: a missing search's weight is unknown.
    """
    possible_high: float | None
    expected_clicks: float | None
    visibility: float | None
    """1 would be first place in every search; the best place in each search counts."""
    keyword_coverage: float | None
    """Share of the completed searches with the company in the first 20."""
    keywords: int
    """Distinct ones with the company in the first 20."""
    appearances: int
    """Results, several in one search included."""
    best_position: int | None
    average_position: float | None
    """Mean of the best place in each search it ranks in."""
    analysed: float | None
    """Share of its expected clicks that go to analysed pages. None: it expects none."""


def standings(
    market: Market,
    curve: Curve,
    always: Collection[str] = (),
    platforms: Container[str] = (),
    limit: int | None = None,
) -> list[Standing]:
    """Standing of each company, strongest first. Where anything ranks in the first 20, all shares sum to 1.

    Companies of `always` are given also where they do not rank; of the others, if there is a `limit`, only
    so many. Platforms take their share and have no rank.
    """
    tallies = {**dict.fromkeys(always, Tally()), **market.tallies}
    shares = market_shares(market, curve)
    order = sorted(tallies, key=lambda name: (-shares.get(name, 0.0), -tallies[name].appearances, name))
    ranks = competition_ranks(
        (name, shares[name]) for name in order if name in shares and name not in platforms
    )
    cut = len(order) if limit is None else limit
    listed = order[:cut] + [name for name in order[cut:] if name in always]
    table = _Table(market, curve)
    return [table.standing(name, tallies[name], ranks.get(name)) for name in listed]


def market_shares(market: Market, curve: Curve) -> dict[str, float]:
    """Share of voice of each company that ranks. Empty: unknown, no search of known weight was completed."""
    if not market.weight:
        return {}
    per_search = market.per_search(curve)
    total = clicks(market.places, per_search)
    return {
        name: clicks(tally.places, per_search) / total if total else 0.0
        for name, tally in market.tallies.items()
    }


def coverage(market: Market, tally: Tally) -> float | None:
    """Share of the completed searches with a result in the first 20. None: none was completed."""
    return tally.within(DEEPEST) / market.searches if market.searches else None


def competition_ranks(strongest_first: Iterable[tuple[str, float]]) -> dict[str, int]:
    """Ranks from 1 by name; equal figures have equal ranks, and the next one counts those before it."""
    ranks: dict[str, int] = {}
    rank, before = 0, math.inf
    for number, (name, figure) in enumerate(strongest_first, 1):
        if figure < before:
            rank, before = number, figure
        ranks[name] = rank
    return ranks


class _Table:
    """What the rows of one market have in common."""

    def __init__(self, market: Market, curve: Curve) -> None:
        self._market = market
        self._curve = curve
        self._per_search = market.per_search(curve)
        self._total = clicks(market.places, self._per_search)
        bands = [market.per_search(used) for used in {**CURVES, curve.id: curve}.values()]
        self._band = [(per_search, clicks(market.places, per_search)) for per_search in bands]
        # One company could have every click of every missing search.
        missing = market.missing
        self._most = None if missing is None else missing * math.fsum(map(curve.ctr, range(1, DEEPEST + 1)))

    def standing(self, company: str, tally: Tally, rank: int | None) -> Standing:
        """Of one company."""
        known = self._market.weight > 0
        searches = sum(tally.best.values())
        expected = clicks(tally.places, self._per_search)
        band = [
            clicks(tally.places, per_search) / total if total else 0.0 for per_search, total in self._band
        ]
        low, high = self._possible(expected)
        return Standing(
            company=company,
            rank=rank,
            share_of_voice=(expected / self._total if self._total else 0.0) if known else None,
            share_low=min(band) if known else None,
            share_high=max(band) if known else None,
            possible_low=low,
            possible_high=high,
            expected_clicks=expected if known else None,
            visibility=self._visibility(tally),
            keyword_coverage=coverage(self._market, tally),
            keywords=len(tally.keywords),
            appearances=tally.appearances,
            best_position=min(tally.best, default=None),
            average_position=sum(p * n for p, n in tally.best.items()) / searches if searches else None,
            analysed=min(1.0, self._analysed(tally) / expected) if expected else None,
        )

    def _possible(self, expected: float) -> tuple[float | None, float | None]:
        whole = self._total + (self._most or 0.0)
        if self._most is None or not self._market.weight + (self._market.missing or 0):
            return None, None
        if not whole:
            return 0.0, 0.0
        return expected / whole, min(1.0, (expected + self._most) / whole)

    def _visibility(self, tally: Tally) -> float | None:
        if not self._market.searches:
            return None
        best = math.fsum([count * self._curve.ctr(position) for position, count in tally.best.items()])
        return min(1.0, best / (self._market.searches * self._curve.ctr(1)))

    def _analysed(self, tally: Tally) -> float:
        return math.fsum([weight * self._per_search[place] for (_, place), weight in tally.analysed.items()])
