"""The table of markets: how many clicks each has, and how they are spread."""

import math
from collections.abc import Mapping

from shared.domain.basis import WHOLE, Basis, Scope
from shared.domain.market import Market, Tally, clicks
from shared.domain.report_insights import MarketRow
from shared.domain.share_of_voice import MICROS, market_shares


def market_rows(basis: Basis, landscape: str, markets: Mapping[Scope, Market]) -> list[MarketRow]:
    """Every market of a landscape, in the order given."""
    members = len(basis.landscapes[landscape])
    return [
        _row(basis, market, landscape, members, content_type, region)
        for (content_type, region), market in markets.items()
    ]


def _row(  # noqa: PLR0917  what tells a market from the others
    basis: Basis, market: Market, landscape: str, keywords: int, content_type: str, region: str | None
) -> MarketRow:
    per_search = market.per_search(basis.curve)
    shares = market_shares(market, basis.curve)
    expected = clicks(market.places, per_search) if market.weight else None
    platforms = basis.roles.platforms
    ranked = sorted(
        (name for name, share in shares.items() if share and name not in platforms),
        key=lambda name: (-shares[name], name),
    )
    concentration = math.fsum(share * share for share in shares.values()) if expected else None
    first, second = (shares[name] for name in ranked[:2]) if len(ranked) > 1 else (None, None)
    return MarketRow(
        landscape=landscape if landscape != WHOLE else None,
        region=region,
        content_type=content_type,
        keywords=keywords,
        searches=market.searches,
        monthly_searches=None if basis.weights.equal else market.weight,
        expected_clicks=expected,
        capture_rate=min(1.0, expected / market.weight) if expected is not None else None,
        traffic_value=_value(market, per_search),
        companies=sum(name not in platforms for name in market.tallies),
        platform_share=math.fsum(share for name, share in shares.items() if name in platforms)
        if expected
        else None,
        leader=ranked[0] if ranked else None,
        leader_share=shares[ranked[0]] if ranked else None,
        leader_gap=first - second if first is not None and second is not None else None,
        concentration=concentration,
        effective_companies=1 / concentration if concentration else None,
    )


def _value(market: Market, per_search: Mapping[tuple[int, int, int], float]) -> float | None:
    if not market.priced:
        return None
    tallies: list[Tally] = [market.tallies[name] for name in sorted(market.tallies)]
    return math.fsum(clicks(tally.priced, per_search) for tally in tallies) / MICROS
