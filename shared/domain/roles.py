"""Whose a domain is: which company it counts for, and what that company is to the client."""

from collections.abc import Iterable, Mapping

from shared.domain import keys
from shared.domain.platforms import PLATFORMS
from shared.domain.report_insights import Role
from shared.domain.report_rows import Override
from shared.domain.results import CompanyResult
from shared.domain.start import Company

_NO_MATCHES: Mapping[str, CompanyResult] = {}


class Roles:
    """Companies by registrable domain. The client and its competitors have all their domains, others one each.

    A company goes by the first of its domains. Where a domain is claimed twice, the client's claim wins.
    """

    def __init__(
        self, company: Company | None, competitors: Iterable[Company], overrides: Iterable[Override] = ()
    ) -> None:
        """Raises ValueError for a given domain that is none."""
        self.overrides = {override.domain: override for override in overrides}
        """What somebody says of a domain; whoever is named at the start is named there."""
        self._names: dict[str, str] = {}
        self._domains: dict[str, tuple[str, ...]] = {}
        self._owners: dict[str, str] = {}
        self.client: str | None = None
        """First domain of the client."""
        if company:
            self.client = self._claim(company)
        for competitor in competitors:
            self._claim(competitor)
        said = {domain for domain, override in self.overrides.items() if override.platform}
        self.platforms = ((PLATFORMS - self.overrides.keys()) | said) - self._owners.keys()
        """Companies that rank and are none of the market. Whoever is named at the start is no platform."""

    def _claim(self, given: Company) -> str | None:
        domains = tuple(
            domain
            for domain in dict.fromkeys(map(keys.registrable_domain, given.domains))
            if domain not in self._owners
        )
        if not domains:
            return None
        first = domains[0]
        self._names[first], self._domains[first] = given.name, domains
        self._owners.update(dict.fromkeys(domains, first))
        return first

    @property
    def parties(self) -> tuple[str, ...]:
        """The client, then its competitors."""
        return tuple(self._names)

    @property
    def competitors(self) -> tuple[str, ...]:
        """As given at the start."""
        return tuple(party for party in self._names if party != self.client)

    def company(self, domain: str) -> str:
        """The company a registrable domain counts for."""
        return self._owners.get(domain, domain)

    def domains(self, company: str) -> tuple[str, ...]:
        """All domains that count for a company, in the order given."""
        return self._domains.get(company, (company,))

    def role(self, company: str) -> Role:
        """What the company is to the client."""
        if company == self.client:
            return "client"
        if company in self._names:
            return "competitor"
        return "platform" if company in self.platforms else "other"

    def name(self, company: str, matches: Mapping[str, CompanyResult] = _NO_MATCHES) -> str:
        """As given at the start, else as somebody says, else as its match has it, else its domain."""
        if company in self._names:
            return self._names[company]
        if company in self.overrides:
            return self.overrides[company].name
        match = matches.get(company)
        return (match.name if match and match.matched else "") or company

    def match(self, company: str, matches: Mapping[str, CompanyResult]) -> CompanyResult | None:
        """What is known of the company by any of its domains, the first one that matched. None: not asked for."""
        known = [matches[domain] for domain in self.domains(company) if domain in matches]
        return next((match for match in known if match.matched), known[0] if known else None)
