"""A pipeline's frozen configuration, and the searches it consists of."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import msgspec

from shared.domain import keys, regions
from shared.domain.phases import PHASES, SERP_COLLECTION, NewItem
from shared.domain.start import Company, ContentType, Device, Keyword, Pages, Priority, StartRequest, parse
from shared.domain.strict_json import refuse
from shared.errors import InputError, Problem

T = TypeVar("T")
DataSource = Literal["simulator", "providers"]

__all__ = [
    "Frozen",
    "Merged",
    "PipelineConfig",
    "StartRequest",
    "config_hash",
    "freeze",
    "parse",
    "search_items",
]

#: Searches of one pipeline: keywords by regions by content types.
SEARCHES = 1_000_000
#: Higher ones are dispatched first.
PRIORITIES: dict[Priority, int] = {"critical": 1000, "high": 100, "normal": 0, "low": -100}


class PipelineConfig(msgspec.Struct, frozen=True):
    """Everything a pipeline is and does; column `config` of `pipelines`. Never changes after the start."""

    keywords: tuple[Keyword, ...]
    """Without duplicates, as first written but for blanks."""
    regions: tuple[str, ...]
    """Canonical codes."""
    content_types: tuple[ContentType, ...]
    pages: Pages
    curve: str
    phases: tuple[str, ...]
    device: Device
    language: str | None = None
    company: Company | None = None
    """Domains are registrable ones."""
    competitors: tuple[Company, ...] = ()
    priority: Priority = "normal"
    freshness: dict[str, float] = {}
    data_source: DataSource = "simulator"
    """Who answered; never mixed within a pipeline."""

    @property
    def searches(self) -> int:
        """Items of `serp_collection`."""
        return len(self.keywords) * len(self.regions) * len(self.content_types)


class Merged(msgspec.Struct, frozen=True):
    """A keyword that stands for the same search as an earlier one."""

    keyword: str
    into: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """A configuration, and what was made different from the request on the way."""

    config: PipelineConfig
    merged: list[Merged] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def freeze(
    request: StartRequest, data_source: DataSource = "simulator", services: Collection[str] = ()
) -> Frozen:
    """Canonical and without duplicates. Raises InputError for what only shows in the whole request.

    `services` are those that run here; empty means all of them.
    """
    warnings: list[str] = []
    keywords, merged = _merge_keywords(request)
    codes = _distinct([regions.region(code).code for code in request.regions], "regions", warnings)
    types = _distinct(list(request.content_types), "content_types", warnings)
    if (searches := len(keywords) * len(codes) * len(types)) > SEARCHES:
        factors = f"{len(keywords):,} keywords, {len(codes)} regions and {len(types)} content types"
        detail = f"{factors} are {searches:,} searches; a pipeline has at most {SEARCHES:,}: start several"
        raise InputError(Problem("", detail))
    company, competitors = _canonical_companies(request)
    wanted = set(request.config.phases)
    off = _phases_off(wanted, services, warnings)
    config = PipelineConfig(
        keywords=keywords,
        regions=codes,
        content_types=types,
        pages=request.config.serp.pages,
        curve=request.config.curve,
        phases=tuple(
            phase.name
            for phase in PHASES.values()
            if phase.name not in off and (phase.mandatory or phase.name in wanted)
        ),
        device=request.device,
        language=request.language,
        company=company,
        competitors=competitors,
        priority=request.config.priority,
        freshness=request.config.freshness,
        data_source=data_source,
    )
    if added := [phase for phase in config.phases if phase not in wanted]:
        warnings.append(f"/config/phases: {', '.join(added)} is always in")
    return Frozen(config, merged, warnings)


def _phases_off(wanted: Collection[str], services: Collection[str], warnings: list[str]) -> set[str]:
    """Phases nobody here would work on. A mandatory one among them refuses the start."""
    off = {phase.name for phase in PHASES.values() if services and phase.service not in services}
    for phase in (PHASES[name] for name in sorted(off)):
        why = f"{phase.name} is off: the service {phase.service} does not run here, its provider has no key"
        if phase.mandatory:
            raise InputError(Problem("/config/phases", f"{why}; nothing works without it"))
        if phase.name in wanted:
            warnings.append(f"/config/phases: {why}")
    return off


def config_hash(config: PipelineConfig) -> str:
    """SHA-256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(config, order="deterministic")).hexdigest()


def search_items(config: PipelineConfig) -> Iterator[NewItem]:
    """The items of `serp_collection`: every keyword in every region for every content type."""
    asked = [
        (code, type_, _asked(config, regions.region(code), type_))
        for code in config.regions
        for type_ in config.content_types
    ]
    for keyword in config.keywords:
        # As written, but for case: a case-folded query would be another one ("strasse" for "straße").
        query = keyword.keyword.lower()
        for code, type_, rest in asked:
            key = keys.search_key(keyword.keyword, code, type_)
            yield NewItem(SERP_COLLECTION, key, {"q": query, **rest})


def _asked(config: PipelineConfig, region: regions.Region, content_type: ContentType) -> dict[str, str | int]:
    """What all searches of a region and content type have in common."""
    return {
        "region": region.code,
        "type": content_type,
        "location": region.name,
        "gl": region.gl,
        "hl": config.language or region.hl,
        "google_domain": region.google_domain,
        "pages": getattr(config.pages, content_type),
        "device": config.device,
    }


def _merge_keywords(request: StartRequest) -> tuple[tuple[Keyword, ...], list[Merged]]:
    first: dict[str, Keyword] = {}
    merged = []
    for given in request.keywords:
        keyword = given if isinstance(given, Keyword) else Keyword(given)
        text = " ".join(keyword.keyword.split())
        key = keys.keyword_key(text)
        if key in first:
            merged.append(Merged(text, first[key].keyword))
        else:
            first[key] = msgspec.structs.replace(keyword, keyword=text)
    return tuple(first.values()), merged


def _distinct(values: list[T], name: str, warnings: list[str]) -> tuple[T, ...]:
    distinct = Counter(values)
    if doubled := [value for value, times in distinct.items() if times > 1]:
        warnings.append(f"/{name}: {', '.join(map(str, doubled))} was given more than once")
    return tuple(distinct)


def _canonical_companies(request: StartRequest) -> tuple[Company | None, tuple[Company, ...]]:
    given = [("/company", request.company)] if request.company else []
    given += [(f"/competitors/{n}", company) for n, company in enumerate(request.competitors)]
    owners: dict[str, str] = {}
    names: dict[str, str] = {}
    problems, companies = [], []
    for at, company in given:
        name = " ".join(company.name.split())
        if names.setdefault(name.casefold(), at) != at:
            problems.append(Problem(f"{at}/name", f"{name} is the name of {names[name.casefold()]} too"))
        domains = [keys.registrable_domain(domain) for domain in company.domains]
        for n, domain in enumerate(domains):
            if owners.setdefault(domain, at) != at:
                detail = f"{domain} belongs to {owners[domain]} already; a domain counts for one company"
                problems.append(Problem(f"{at}/domains/{n}", detail))
        companies.append(Company(name, tuple(dict.fromkeys(domains))))
    refuse(problems)
    own = companies.pop(0) if request.company else None
    return own, tuple(companies)
