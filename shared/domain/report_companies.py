"""The table of companies: who they are and how they stand, by landscape, content type and region."""

from collections.abc import Mapping
from typing import Final

from shared.domain.basis import ORGANIC, WHOLE, Basis, Scope
from shared.domain.identity import Identity, identify
from shared.domain.market import Market
from shared.domain.report_coverage import CompanyCoverage
from shared.domain.report_insights import MarketRow
from shared.domain.report_markets import market_rows
from shared.domain.report_method import market_position
from shared.domain.report_rows import CompanyRow
from shared.domain.report_schema import Company
from shared.domain.results import CompanyStrength
from shared.domain.share_of_voice import Standing, standings
from shared.domain.strength import strengths_in

#: Companies listed per scope of a named landscape, beside client and competitors. Of the whole all are listed.
COMPANY_CAP: Final = 100


def companies(
    basis: Basis, matches: list[CompanyRow], whole: Mapping[Scope, Market]
) -> tuple[tuple[Company, ...], tuple[CompanyCoverage, ...], tuple[MarketRow, ...]]:
    """The whole landscape, whose markets are `whole`, then the named ones as given; strongest first in each scope.

    The markets' own rows come along: a named landscape's are counted here and not kept.
    """
    table = _Table(basis, matches)
    listed: list[Company] = []
    reach: list[CompanyCoverage] = []
    spread: list[MarketRow] = []
    for name, members in basis.landscapes.items():
        markets = whole if name == WHOLE else basis.markets(name)
        spread += market_rows(basis, name, markets)
        strong = {(row.company, row.region): row for row in strengths_in(basis, markets)}
        cap = None if name == WHOLE else COMPANY_CAP
        for (content_type, region), market in markets.items():
            depth = basis.depths[content_type]
            found = standings(
                market, basis.curve, basis.roles.parties, basis.roles.platforms, limit=cap, depth=depth
            )
            listed += [
                table.row(
                    row,
                    name or None,
                    region,
                    content_type,
                    strong.get((row.company, region)) if content_type == ORGANIC else None,
                )
                for row in found
            ]
            reach.append(
                CompanyCoverage(
                    landscape=name or None,
                    region=region,
                    content_type=content_type,
                    keywords=len(members),
                    searches=market.searches,
                    found=len(market.tallies),
                    listed=len(found),
                )
            )
    return tuple(listed), tuple(reach), tuple(spread)


class _Table:
    """Makes rows of companies; who a company is, is looked up once."""

    def __init__(self, basis: Basis, matches: list[CompanyRow]) -> None:
        self._roles = basis.roles
        self._by_volume = not basis.weights.equal
        self._matches = {row.domain: row.result for row in matches}
        self._known: dict[str, Identity] = {}

    def row(
        self,
        standing: Standing,
        landscape: str | None,
        region: str | None,
        content_type: str,
        strength: CompanyStrength | None,
    ) -> Company:
        company = standing.company
        if company not in self._known:
            self._known[company] = identify(self._roles, company, self._matches)
        known = self._known[company]
        match = known.match
        return Company(
            company=company,
            name=known.name,
            domains=self._roles.domains(company),
            role=self._roles.role(company),
            matched=match.matched if match else None,
            matched_by=(match.matched_by if match else "") or None,
            industries=match.industries if match else (),
            country=(match.country if match else "") or None,
            headcount=match.headcount if match else None,
            landscape=landscape,
            region=region,
            content_type=content_type,
            rank=standing.rank,
            market_position=market_position(standing.rank, standing.share_of_voice),
            share_of_voice=standing.share_of_voice,
            share_low=standing.share_low,
            share_high=standing.share_high,
            possible_low=standing.possible_low,
            possible_high=standing.possible_high,
            expected_clicks=standing.expected_clicks,
            visibility=standing.visibility,
            keyword_coverage=standing.keyword_coverage,
            keywords=standing.keywords,
            appearances=standing.appearances,
            best_position=standing.best_position,
            average_position=standing.average_position,
            analysed=standing.analysed,
            relevance=strength.relevance if strength else None,
            dsi=strength.dsi if strength else None,
            dsi_legacy=strength.dsi_legacy if strength else None,
            dsi_rank=strength.rank if strength else None,
            match_confidence=known.confidence,
            named_by=known.named_by,
            peer_share=standing.peer_share,
            capture_rate=standing.capture_rate,
            weighted_visibility=standing.weighted_visibility,
            visibility_index=_index(standing.expected_clicks) if self._by_volume else None,
            coverage_3=standing.coverage_3,
            coverage_10=standing.coverage_10,
            average_position_all=standing.average_position_all,
            at_1=standing.at_1,
            at_2_3=standing.at_2_3,
            at_4_10=standing.at_4_10,
            at_11_20=standing.at_11_20,
            beyond_20=standing.beyond_20,
            traffic_value=standing.click_value,
        )


def _index(expected: float | None) -> float | None:
    return None if expected is None else expected / 1_000
