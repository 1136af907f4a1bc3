"""The companies Cognism knows: about 70 % of the sites of the world, under the names they have there."""

from functools import lru_cache
from typing import NamedTuple

from services.simulator import sites
from services.simulator.chance import digest, share
from services.simulator.sites import Site
from services.simulator.world import World

KNOWN_SHARE = 0.7
"""Of domains that are not a platform's. The companies of every world are always known."""

_SEAL_CHARACTERS = 12
_PLATFORMS = frozenset(host for _, host in sites.PLATFORMS)
_ALWAYS = frozenset(host for _, host in sites.KNOWN)


class Company(NamedTuple):
    """What tells one company from another."""

    id: str
    name: str
    domain: str
    """Registered name, ASCII."""
    home: str
    """Region (gl) it belongs to; empty where the domain does not say."""


def find(world: World, domain: str) -> Company | None:
    """The company of a registered domain in any spelling."""
    wanted = sites.domain(domain.strip().lower().removesuffix("."))
    if wanted in _domains(world):
        return _listed(world).get(wanted)
    name = sites.tail_name(wanted)
    if name is None or not _is_known(world.seed, wanted):
        return None
    return _company(world.seed, name, wanted, "")


def at(world: World, domain: str) -> Company | None:
    """The company that has exactly this domain, no subdomain of it."""
    company = find(world, domain)
    spelled = domain.strip().lower().removesuffix(".")
    return company if company and len(company.domain.split(".")) == len(spelled.split(".")) else None


def by_id(world: World, company_id: str) -> Company | None:
    """The company of an id that `find` or the names gave out."""
    try:
        domain = bytes.fromhex(company_id[_SEAL_CHARACTERS:]).decode()
    except ValueError:
        return None
    company = find(world, domain)
    return company if company and company.id == company_id else None


def named(world: World, name: str, *, exact: bool) -> list[Company]:
    """Companies of that name, or with it in their name; the small ones are found by domain only."""
    wanted = name.strip().casefold()
    return [
        company
        for company in _listed(world).values()
        if company.name.casefold() == wanted or (not exact and wanted in company.name.casefold())
    ]


def like(world: World, term: str) -> list[Company]:
    """Companies whose domain holds the term."""
    wanted = term.strip().lower()
    return [company for domain, company in _listed(world).items() if wanted in domain]


def _company(seed: int, name: str, domain: str, home: str) -> Company:
    seal = digest(seed, f"company {domain}", _SEAL_CHARACTERS // 2).hex()
    return Company(seal + domain.encode().hex(), name, domain, home)


def _is_known(seed: int, domain: str) -> bool:
    return share(seed, f"known company {domain}") < KNOWN_SHARE


@lru_cache(maxsize=2)
def _domains(world: World) -> dict[str, Site]:
    found: dict[str, Site] = {}
    for site in world.sites:
        found.setdefault(sites.domain(site.host), site)
    return found


@lru_cache(maxsize=2)
def _listed(world: World) -> dict[str, Company]:
    """By domain; the small sites are not listed."""
    return {
        domain: _company(world.seed, site.name, domain, site.home)
        for domain, site in _domains(world).items()
        if site.host not in _PLATFORMS and (site.host in _ALWAYS or _is_known(world.seed, domain))
    }
