"""Gaps: web searches in which a rival stands on the first page and the client nowhere near."""

from collections.abc import Iterator
from typing import Final

from shared.domain.basis import ORGANIC, Basis
from shared.domain.curves import DEEPEST
from shared.domain.report_rows import CompanyRow
from shared.domain.report_schema import Gap
from shared.domain.results import Ranking
from shared.domain.serp_features import corrected

#: A rival counts down to here.
FIRST_PAGE: Final = 10
#: Where the client could stand.
TARGET: Final = 3


def gaps(basis: Basis, companies: list[CompanyRow]) -> tuple[Gap, ...]:
    """The largest opportunity first, unknown ones last. Empty without a client.

    Rivals are the competitors named at the start; without any, every company that is not a platform.
    """
    if basis.roles.client is None:
        return ()
    matches = {row.domain: row.result for row in companies}
    found = []
    for search, rankings in basis.found.items():
        keyword, region, content_type = search
        if content_type != ORGANIC:
            continue
        client = client_position(basis, rankings)
        rival = next(_rivals(basis, rankings), None)
        if rival is None or (client is not None and client <= DEEPEST):
            continue
        weight = basis.weights.weight(keyword, region)
        curve = corrected(basis.curve, basis.layout(search))
        now = 0.0 if client is None else curve.ctr(client)
        found.append(
            Gap(
                keyword=keyword,
                region=region,
                volume=basis.weights.volume(keyword, region),
                rival=basis.roles.name(basis.roles.company(rival.domain), matches),
                rival_domain=rival.domain,
                rival_position=rival.position,
                client_position=client,
                opportunity=None if weight is None else weight * (curve.ctr(TARGET) - now),
            )
        )
    found.sort(key=lambda gap: (gap.opportunity is None, -(gap.opportunity or 0.0), gap.keyword, gap.region))
    return tuple(found)


def client_position(basis: Basis, rankings: list[Ranking]) -> int | None:
    """Best place of the client in a search. None: it does not rank, or no client was given."""
    own = basis.roles.domains(basis.roles.client) if basis.roles.client else ()
    return min((ranking.position for ranking in rankings if ranking.domain in own), default=None)


def _rivals(basis: Basis, rankings: list[Ranking]) -> Iterator[Ranking]:
    """Results of rivals on the first page, best first."""
    roles, named = basis.roles, basis.roles.competitors
    for ranking in rankings:
        if ranking.position > FIRST_PAGE:
            return
        company = roles.company(ranking.domain)
        if company in named if named else roles.role(company) == "other":
            yield ranking
