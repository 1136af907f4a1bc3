"""The table of matches: whose the domains are that were looked up, how sure that is, and who says otherwise."""

from shared.domain.basis import Basis
from shared.domain.identity import confidence
from shared.domain.report_insights import Match
from shared.domain.report_rows import CompanyRow, Override
from shared.domain.results import CompanyResult


def matches(basis: Basis, companies: list[CompanyRow]) -> tuple[Match, ...]:
    """Every domain that was looked up or that somebody named, by domain."""
    looked_up = {row.domain: row.result for row in companies}
    domains = sorted({*looked_up, *basis.roles.overrides})
    return tuple(_match(basis, d, looked_up.get(d), basis.roles.overrides.get(d)) for d in domains)


def _match(basis: Basis, domain: str, found: CompanyResult | None, said: Override | None) -> Match:
    known = found or CompanyResult(matched=False)
    owner = basis.roles.company(domain)
    named = said.name if said else known.name or None
    by = "person" if said else "match" if known.matched and known.name else "domain"
    sure = 1.0 if said else confidence(known, domain) if by == "match" else None
    if owner in basis.roles.parties:
        named, by, sure = basis.roles.name(owner), "start", 1.0
    return Match(
        domain=domain,
        name=named,
        matched=found.matched if found else None,
        matched_by=known.matched_by or None,
        confidence=sure,
        named_by=by,
        industries=known.industries,
        kind=known.kind or None,
        country=known.country or None,
        city=known.city or None,
        headcount=known.headcount,
        founded=known.founded,
        revenue=known.revenue,
        size_from=known.size_from,
        size_to=known.size_to,
        said_by=said.actor if said else None,
        reason=said.reason if said else None,
    )
