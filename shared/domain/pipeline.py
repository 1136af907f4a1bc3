"""A pipeline's frozen configuration, and the searches it consists of."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from shared.domain import keys, regions
from shared.domain.curves import OwnCurve, chosen
from shared.domain.phases import DSI_CALCULATION, KEYWORD_METRICS, PHASES, SERP_COLLECTION, NewItem, Rules
from shared.domain.start import (
    DEFAULT_MODEL,
    JOURNEY_PHASES,
    Company,
    ContentType,
    Device,
    Dimension,
    Keyword,
    Landscape,
    Pages,
    Persona,
    Priority,
    Scrape,
    StartRequest,
    parse,
)
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
    "start_items",
]

#: Searches of one pipeline: keywords by regions by content types.
SEARCHES = 1_000_000
#: Higher ones are dispatched first.
PRIORITIES: dict[Priority, int] = {"critical": 1000, "high": 100, "normal": 0, "low": -100}


#: Switch of a configuration -> what it means that it is off.
_SWITCHED_OFF = {
    "enable_state_tracking": "states are kept, but no history of its attempts",
    "enable_circuit_breakers": "its calls start also while a provider is down, and tell the breaker nothing",
    "enable_job_queue": "every job has one item, at normal priority; a call that could serve many serves one",
    "enable_checkpoints": "no checkpoints are written, so it cannot be rewound",
}


class PipelineConfig(msgspec.Struct, frozen=True):
    """Everything a pipeline is and does; column `config` of `pipelines`. Never changes after the start."""

    keywords: tuple[Keyword, ...]
    """Without duplicates, as first written but for blanks."""
    regions: tuple[str, ...]
    """Canonical codes."""
    content_types: tuple[ContentType, ...]
    pages: Pages
    curve: str | OwnCurve
    phases: tuple[str, ...]
    device: Device
    language: str | None = None
    company: Company | None = None
    """Domains are registrable ones."""
    competitors: tuple[Company, ...] = ()
    personas: tuple[Persona, ...] = ()
    landscapes: tuple[Landscape, ...] = ()
    """Keywords as they stand in `keywords`."""
    dimensions: tuple[Dimension, ...] = ()
    journey_phases: tuple[str, ...] = JOURNEY_PHASES
    exclude_domains: tuple[str, ...] = ()
    """Registrable."""
    model: str = DEFAULT_MODEL
    scrape: Scrape = Scrape()
    give_up_after_seconds: float = 24 * 60 * 60.0
    budget: float | None = None
    """As given at the start; it may be changed while the pipeline runs."""
    priority: Priority = "normal"
    freshness: dict[str, float] = {}
    enable_state_tracking: bool = True
    enable_circuit_breakers: bool = True
    enable_job_queue: bool = True
    enable_checkpoints: bool = True
    checkpoint_interval: int = 100
    ai_overview: bool = False
    """Whether web searches ask for the AI overview, for a credit more."""
    corrections: bool = False
    """Whether clicks are corrected for what else stands on a results page; not in pipelines of before there was."""
    resume_from_pipeline_id: str | None = None
    """Whose completed items were taken over."""
    resume_failed_only: bool = False
    data_source: DataSource = "simulator"
    """Who answered; never mixed within a pipeline."""
    without_service: tuple[str, ...] = ()
    """Phases that are off because nobody here would work on them: their provider had no key at the start."""

    @property
    def searches(self) -> int:
        """Items of `serp_collection`."""
        return len(self.keywords) * len(self.regions) * len(self.content_types)

    @property
    def rules(self) -> Rules:
        """What decides which items are found."""
        return Rules(self.phases, frozenset(self.exclude_domains))


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
    request: StartRequest,
    data_source: DataSource = "simulator",
    services: Collection[str] = (),
    model: str = DEFAULT_MODEL,
) -> Frozen:
    """Canonical and without duplicates. Raises InputError for what only shows in the whole request.

    `services` are those that run here; empty means all of them. `model` is used where the request names none.
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
    try:
        chosen(request.config.curve)
    except ValueError as error:
        raise InputError(Problem("/config/curve", str(error))) from None
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
        personas=_named(request.personas, "personas"),
        landscapes=_landscapes(request, keywords),
        dimensions=_named(request.dimensions, "dimensions"),
        journey_phases=_distinct(list(request.journey_phases), "journey_phases", warnings),
        exclude_domains=tuple(dict.fromkeys(map(keys.registrable_domain, request.exclude_domains))),
        model=request.config.model or model,
        scrape=request.config.scrape,
        give_up_after_seconds=request.config.give_up_after_seconds,
        budget=request.config.budget,
        priority=request.config.priority,
        freshness=request.config.freshness,
        enable_state_tracking=request.config.enable_state_tracking,
        enable_circuit_breakers=request.config.enable_circuit_breakers,
        enable_job_queue=request.config.enable_job_queue,
        enable_checkpoints=request.config.enable_checkpoints,
        checkpoint_interval=request.config.checkpoint_interval,
        corrections=request.config.corrections,
        ai_overview=request.config.serp.ai_overview,
        resume_from_pipeline_id=request.config.resume_from_pipeline_id,
        resume_failed_only=request.config.resume_failed_only,
        data_source=data_source,
        without_service=tuple(name for name in PHASES if name in off),
    )
    warnings += [
        f"/config/phases: {phase.name} finds nothing without {' or '.join(phase.upstream)}"
        for phase in (PHASES[name] for name in config.phases)
        if phase.upstream and not set(phase.upstream) & set(config.phases)
    ]
    if added := [phase for phase in config.phases if phase not in wanted]:
        warnings.append(f"/config/phases: {', '.join(added)} is always in")
    warnings += [
        f"/config/{name}: {text}" for name, text in _SWITCHED_OFF.items() if not getattr(config, name)
    ]
    if request.config.resume_failed_only and not request.config.resume_from_pipeline_id:
        detail = (
            "goes with resume_from_pipeline_id; to go on with a pipeline there is POST /pipeline/{id}/resume"
        )
        raise InputError(Problem("/config/resume_failed_only", detail))
    return Frozen(config, merged, warnings)


def _phases_off(wanted: Collection[str], services: Collection[str], warnings: list[str]) -> set[str]:
    """Phases nobody here would work on. A mandatory one among them refuses the start."""
    off = {p.name for p in PHASES.values() if services and p.service and p.service not in services}
    for phase in (PHASES[name] for name in sorted(off)):
        why = f"{phase.name} is off: the service {phase.service} does not run here, its provider has no key"
        if phase.mandatory:
            raise InputError(Problem("/config/phases", f"{why}; nothing works without it"))
        if phase.name in wanted:
            warnings.append(f"/config/phases: {why}")
    return off


def config_hash(config: PipelineConfig | Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, hexadecimal; of the configuration itself or as it was stored.

    A later version may know more fields: a stored one is not read before it is hashed.
    """
    return hashlib.sha256(msgspec.json.encode(config, order="sorted")).hexdigest()


def start_items(config: PipelineConfig) -> Iterator[NewItem]:
    """The items that come from the configuration, phase by phase, of the enabled phases."""
    for phase, items in (
        (KEYWORD_METRICS, _volume_items),
        (SERP_COLLECTION, _search_items),
        (DSI_CALCULATION, _strength_items),
    ):
        if phase in config.phases:
            yield from items(config)


def _volume_items(config: PipelineConfig) -> Iterator[NewItem]:
    """Every keyword in every region. The items of a region share their calls."""
    asked = [(region.code, _planned(config, region)) for region in map(regions.region, config.regions)]
    for code, rest in asked:
        for keyword in config.keywords:
            key = keys.volume_key(keyword.keyword, code)
            yield NewItem(KEYWORD_METRICS, key, {"keyword": keyword.keyword.lower(), **rest}, batch_key=code)


def _planned(config: PipelineConfig, region: regions.Region) -> dict[str, int | None]:
    """What all volumes of a region have in common, in the keyword planner's ids."""
    language = regions.language_constant(config.language) if config.language else region.language_constant
    return {"geo_target": region.geo_target, "language": language}


def _search_items(config: PipelineConfig) -> Iterator[NewItem]:
    """Every keyword in every region for every content type."""
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


def _strength_items(config: PipelineConfig) -> Iterator[NewItem]:
    """The whole landscape, and every named part of it."""
    for name in ("", *(landscape.name for landscape in config.landscapes)):
        yield NewItem(DSI_CALCULATION, keys.landscape_key(name), {"landscape": name})


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
        **({"ai_overview": True} if config.ai_overview and content_type == "organic" else {}),
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


N = TypeVar("N", Persona, Dimension, Landscape)


def _named(given: tuple[N, ...], field_: str) -> tuple[N, ...]:
    """With tidy names. Raises InputError when two have the same: their scores could not be told apart."""
    names: dict[str, str] = {}
    problems, named = [], []
    for n, one in enumerate(given):
        name = " ".join(one.name.split())
        if names.setdefault(name.casefold(), at := f"/{field_}/{n}") != at:
            problems.append(Problem(f"{at}/name", f"{name} is the name of {names[name.casefold()]} too"))
        named.append(msgspec.structs.replace(one, name=name))
    refuse(problems)
    return tuple(named)


def _landscapes(request: StartRequest, keywords: tuple[Keyword, ...]) -> tuple[Landscape, ...]:
    known = {keys.keyword_key(keyword.keyword): keyword.keyword for keyword in keywords}
    problems, landscapes = [], []
    for n, landscape in enumerate(_named(request.landscapes, "landscapes")):
        members = []
        for m, text in enumerate(landscape.keywords):
            if (member := known.get(keys.keyword_key(text))) is None:
                detail = f"{text} is none of this pipeline's keywords; add it to /keywords"
                problems.append(Problem(f"/landscapes/{n}/keywords/{m}", detail))
            else:
                members.append(member)
        landscapes.append(Landscape(landscape.name, tuple(dict.fromkeys(members))))
    refuse(problems)
    return tuple(landscapes)


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
