"""The Digital Strength Index: how strong a company is in a market's web results, with its three factors."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.domain import keys
from shared.domain.basis import ORGANIC, WHOLE, Basis, Scope, landscapes
from shared.domain.curves import Curve
from shared.domain.market import Market, Place, Tally
from shared.domain.pipeline import PipelineConfig
from shared.domain.report_rows import ReportRows
from shared.domain.results import CompanyStrength, StrengthResult
from shared.domain.roles import Roles
from shared.domain.share_of_voice import competition_ranks, coverage, market_shares

#: A company that ranks for fewer keywords is listed without a rank: a single lucky page is no strength.
FEWEST_KEYWORDS: Final = 3


def strength_result(rows: ReportRows, config: PipelineConfig, landscape: str = WHOLE) -> StrengthResult:
    """What the phase `dsi_calculation` records of a landscape. Raises as `strengths`."""
    return StrengthResult(tuple(strengths(rows, config, landscape)))


def strength_results(rows: ReportRows, config: PipelineConfig, wanted: Sequence[str]) -> list[StrengthResult]:
    """As `strength_result` of each of these landscapes; what they have in common is counted once."""
    searches = [row for row in rows.searches if row.content_type == ORGANIC]
    basis = Basis(msgspec.structs.replace(rows, searches=searches), config)
    return [StrengthResult(tuple(strengths_in(basis, basis.markets(name)))) for name in wanted]


def strengths(rows: ReportRows, config: PipelineConfig, landscape: str = WHOLE) -> list[CompanyStrength]:
    """Every company that ranks in a landscape, client and competitors always; all regions first, strongest first.

    The whole landscape by default. Raises KeyError for a landscape the pipeline does not have, ValueError
    for rows of another pipeline.
    """
    members = landscapes(config)[landscape]
    searches = [
        row
        for row in rows.searches
        if row.content_type == ORGANIC and keys.keyword_key(row.keyword) in members
    ]
    basis = Basis(msgspec.structs.replace(rows, searches=searches), config)
    return strengths_in(basis, basis.markets(landscape))


def strengths_in(basis: Basis, markets: Mapping[Scope, Market]) -> list[CompanyStrength]:
    """As `strengths`, from markets that are counted already. Empty when no web results were asked for."""
    found = []
    for (content_type, region), market in markets.items():
        if content_type == ORGANIC:
            found += _ranked(market, region, basis.curve, basis.roles)
    return found


def index(coverage: float | None, share: float | None, relevance: float | None) -> float | None:
    """Geometric mean of the three factors, 0 to 100. None: one of them is unknown."""
    if coverage is None or share is None or relevance is None:
        return None
    return 100 * math.cbrt(coverage * share * relevance)


def legacy_index(coverage: float | None, share: float | None, relevance: float | None) -> float | None:
    """The first generation's product, 0 to 10,000. None: one of its factors is unknown."""
    if coverage is None or share is None or relevance is None:
        return None
    return (100 * coverage) * (100 * share) * relevance


def _ranked(market: Market, region: str | None, curve: Curve, roles: Roles) -> list[CompanyStrength]:
    tallies = {**dict.fromkeys(roles.parties, Tally()), **market.tallies}
    shares, per_search = market_shares(market, curve), market.per_search(curve)
    found = []
    for company, tally in tallies.items():
        share = shares.get(company, 0.0) if market.weight else None
        factors = coverage(market, tally), share, _relevance(tally, per_search)
        found.append(
            CompanyStrength(company, region, index(*factors), legacy_index(*factors), *factors, rank=None)
        )
    found.sort(
        key=lambda row: (row.dsi is None, -(row.dsi or 0.0), -(row.share_of_voice or 0.0), row.company)
    )
    ranks = competition_ranks(
        (row.company, row.dsi)
        for row in found
        if row.dsi is not None
        and len(tallies[row.company].keywords) >= FEWEST_KEYWORDS
        and row.company not in roles.platforms
    )
    return [msgspec.structs.replace(row, rank=ranks.get(row.company)) for row in found]


def _relevance(tally: Tally, per_search: Mapping[Place, float]) -> float | None:
    """Mean over its analysed pages, weighted by the clicks they may expect. None: none may expect any."""
    terms = [(relevance, weight * per_search[place]) for (relevance, place), weight in tally.analysed.items()]
    whole = math.fsum([clicks for _, clicks in terms])
    return math.fsum([relevance * clicks for relevance, clicks in terms]) / whole if whole else None
