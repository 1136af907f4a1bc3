"""Share of voice of the companies that rank in a market, and how they stand otherwise."""

import math
from collections.abc import Collection, Container, Iterable, Mapping

import msgspec

from shared.domain.curves import CURVES, DEEPEST, Curve
from shared.domain.market import Market, Tally, clicks
from shared.domain.serp_features import LAYOUTS, PLAIN, corrected

#: Prices are in millionths.
MICROS = 1_000_000


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
    peer_share: float | None
    """Of the clicks of those that are always given. None: it is none of them, or they expect none."""
    capture_rate: float | None
    """Expected clicks by searches made. None: unknown, or no search is made."""
    weighted_visibility: float | None
    """As `visibility`, each search weighing what it does elsewhere."""
    coverage_3: float | None
    """Share of the completed searches with the company in the first 3, and in the first 10."""
    coverage_10: float | None
    average_position_all: float | None
    """Mean over all completed searches; where it does not rank, the depth that was looked at."""
    at_1: int
    """Searches with its best place at 1, at 2 and 3, from 4 to 10, from 11 to 20, and beyond."""
    at_2_3: int
    at_4_10: int
    at_11_20: int
    beyond_20: int
    click_value: float | None
    """Expected clicks x price of a click, in the account's currency. None: no price is known."""


def standings(
    market: Market,
    curve: Curve,
    always: Collection[str] = (),
    platforms: Container[str] = (),
    *,
    limit: int | None = None,
    depth: int = DEEPEST,
) -> list[Standing]:
    """Standing of each company, strongest first. Where anything ranks in the first 20, all shares sum to 1.

    Companies of `always` are given also where they do not rank; of the others, if there is a `limit`, only
    so many. Platforms take their share and have no rank. `depth` is the last position that was looked at.
    """
    tallies = {**dict.fromkeys(always, Tally()), **market.tallies}
    shares = market_shares(market, curve)
    order = sorted(tallies, key=lambda name: (-shares.get(name, 0.0), -tallies[name].appearances, name))
    ranks = competition_ranks(
        (name, shares[name]) for name in order if name in shares and name not in platforms
    )
    cut = len(order) if limit is None else limit
    listed = order[:cut] + [name for name in order[cut:] if name in always]
    table = _Table(market, curve, always, depth)
    return [table.standing(name, tallies[name], ranks.get(name)) for name in listed]


def market_shares(market: Market, curve: Curve) -> dict[str, float]:
    """Share of voice of each company that ranks. Empty: unknown, no search of known weight was completed."""
    if not market.weight:
        return {}
    total = clicks(market.places, market.per_search(curve))
    return {name: expected / total if total else 0.0 for name, expected in market.expected(curve).items()}


def coverage(market: Market, tally: Tally, depth: int = DEEPEST) -> float | None:
    """Share of the completed searches with a result down to this position. None: none was completed."""
    return tally.within(depth) / market.searches if market.searches else None


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

    def __init__(self, market: Market, curve: Curve, always: Collection[str], depth: int) -> None:
        self._market = market
        self._depth = depth
        self._curve = curve
        self._per_search = market.per_search(curve)
        self._total = clicks(market.places, self._per_search)
        self._expected = market.expected(curve)
        others = [market.per_search(used) for used in {**CURVES, curve.id: curve}.values() if used != curve]
        self._band = [(per_search, clicks(market.places, per_search)) for per_search in others]
        peers = [self._expected[name] for name in always if name in market.tallies]
        self._always, self._peers = frozenset(always), math.fsum(peers)
        # One company could have every click of every missing search, whatever its page looked like.
        missing = market.missing
        self._most = None if missing is None else missing * _all_clicks(curve, market)

    def standing(self, company: str, tally: Tally, rank: int | None) -> Standing:
        """Of one company."""
        known = self._market.weight > 0
        expected = self._expected.get(company, 0.0)
        share = expected / self._total if self._total else 0.0
        band = [
            share,
            *[clicks(tally.places, per_search) / total if total else 0.0 for per_search, total in self._band],
        ]
        low, high = self._possible(expected)
        places = _buckets(tally.best)
        within_3 = places["at_1"] + places["at_2_3"]
        within_10 = within_3 + places["at_4_10"]
        return Standing(
            company=company,
            rank=rank,
            share_of_voice=share if known else None,
            share_low=min(band) if known else None,
            share_high=max(band) if known else None,
            possible_low=low,
            possible_high=high,
            expected_clicks=expected if known else None,
            visibility=self._visibility(tally),
            keyword_coverage=self._covered(within_10 + places["at_11_20"]),
            keywords=len(tally.keywords),
            appearances=tally.appearances,
            best_position=min(tally.best, default=None),
            average_position=_mean(tally.best),
            analysed=min(1.0, self._analysed(tally) / expected) if expected else None,
            peer_share=expected / self._peers if known and self._peers and company in self._always else None,
            capture_rate=min(1.0, expected / self._market.weight) if known else None,
            weighted_visibility=self._weighted(tally) if known else None,
            coverage_3=self._covered(within_3),
            coverage_10=self._covered(within_10),
            average_position_all=self._average(tally),
            click_value=self._value(tally),
            **places,
        )

    def _covered(self, searches: int) -> float | None:
        return searches / self._market.searches if self._market.searches else None

    def _average(self, tally: Tally) -> float | None:
        if not (searches := self._market.searches):
            return None
        found = sum(min(position, self._depth) * count for position, count in tally.best.items())
        return (found + self._depth * (searches - sum(tally.best.values()))) / searches

    def _weighted(self, tally: Tally) -> float:
        best = math.fsum([weight * self._curve.ctr(position) for position, weight in tally.weighted.items()])
        return min(1.0, best / (self._market.weight * self._curve.ctr(1)))

    def _value(self, tally: Tally) -> float | None:
        return clicks(tally.priced, self._per_search) / MICROS if self._market.priced else None

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


def _all_clicks(curve: Curve, market: Market) -> float:
    """Most clicks a search hands out; where pages are corrected, on the kindest of them."""
    pages = LAYOUTS if any(place[2] != PLAIN for place in market.places) else (PLAIN,)
    return max(math.fsum(map(corrected(curve, page).ctr, range(1, DEEPEST + 1))) for page in pages)


def _mean(best: Mapping[int, int]) -> float | None:
    searches = sum(best.values())
    return sum(position * count for position, count in best.items()) / searches if searches else None


def _buckets(best: Mapping[int, int]) -> dict[str, int]:
    """Searches by where its best place is."""
    first = second = page = next_page = beyond = 0
    for position, count in best.items():
        if position == 1:
            first += count
        elif position <= 3:
            second += count
        elif position <= 10:
            page += count
        elif position <= DEEPEST:
            next_page += count
        else:
            beyond += count
    return {"at_1": first, "at_2_3": second, "at_4_10": page, "at_11_20": next_page, "beyond_20": beyond}
