"""The table of companies: who they are and how they stand, by landscape, content type and region."""

from collections.abc import Mapping
from typing import Final

from shared.domain.basis import ORGANIC, WHOLE, Basis, Scope
from shared.domain.market import Market
from shared.domain.report_coverage import CompanyCoverage
from shared.domain.report_method import market_position
from shared.domain.report_rows import CompanyRow
from shared.domain.report_schema import Company
from shared.domain.results import CompanyResult, CompanyStrength
from shared.domain.roles import Roles
from shared.domain.share_of_voice import Standing, standings
from shared.domain.strength import strengths_in

#: Companies listed per scope of a named landscape, beside client and competitors. Of the whole all are listed.
COMPANY_CAP: Final = 100


def companies(
    basis: Basis, matches: list[CompanyRow], whole: Mapping[Scope, Market]
) -> tuple[tuple[Company, ...], tuple[CompanyCoverage, ...]]:
    """The whole landscape, whose markets are `whole`, then the named ones as given; strongest first in each scope."""
    table = _Table(basis.roles, matches)
    listed: list[Company] = []
    reach: list[CompanyCoverage] = []
    for name, members in basis.landscapes.items():
        markets = whole if name == WHOLE else basis.markets(name)
        strong = {(row.company, row.region): row for row in strengths_in(basis, markets)}
        cap = None if name == WHOLE else COMPANY_CAP
        for (content_type, region), market in markets.items():
            found = standings(market, basis.curve, basis.roles.parties, basis.roles.platforms, cap)
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
    return tuple(listed), tuple(reach)


class _Table:
    """Makes rows of companies; who a company is, is looked up once."""

    def __init__(self, roles: Roles, matches: list[CompanyRow]) -> None:
        self._roles = roles
        self._matches = {row.domain: row.result for row in matches}
        self._known: dict[str, CompanyResult | None] = {}

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
            self._known[company] = self._roles.match(company, self._matches)
        match = self._known[company]
        return Company(
            company=company,
            name=self._roles.name(company, self._matches),
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
        )
