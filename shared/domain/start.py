"""What a user asks for: the body that starts a pipeline."""

import re
import unicodedata
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.domain import curves, keys, regions, strict_json
from shared.domain.phases import PHASES, SERVICES

ContentType = Literal["organic", "news", "video"]
Device = Literal["desktop", "tablet", "mobile"]
Priority = Literal["critical", "high", "normal", "low"]

CONTENT_TYPES: tuple[ContentType, ...] = ("organic", "news", "video")
#: Characters of a canonical keyword; Google looks at no more than 32 words.
KEYWORD_LENGTH = 400
#: Characters of a country's name, if that is what was given for its code.
REGION_LENGTH = 60
#: Characters of a company's or a group's name.
NAME_LENGTH = 200
#: Characters of what a persona or a dimension is described by.
TEXT_LENGTH = 2_000
#: Entries of the list of keywords, and of any other list of a request.
KEYWORDS, OTHERS = 1_000_000, 1_000
#: Entries of the lists that stand in every prompt of a language model.
ASKED = 50
#: No fact is kept as fresh for longer.
FRESHNESS_SECONDS = 10 * 365 * 24 * 60 * 60

#: Analyses pages unless the installation or the request names another.
DEFAULT_MODEL = "gpt-5.4-mini"
#: The stages of a purchase that pages are told apart by, unless the request names others.
JOURNEY_PHASES = (
    "Problem Identification",
    "Solution Exploration",
    "Requirements Building",
    "Supplier Selection",
    "Validation",
)

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


def _check_keyword(text: str) -> None:
    if len(keys.keyword_key(text)) > KEYWORD_LENGTH:
        raise ValueError(f"a keyword has at most {KEYWORD_LENGTH} characters")


def _check_region(text: str) -> None:
    # An overlong text is not worth comparing with every country's name.
    regions.region(text[:REGION_LENGTH])


def _check_name(text: str) -> None:
    if not text.strip():
        raise ValueError("is blank; give a name")
    if len(text) > NAME_LENGTH:
        raise ValueError(f"a name has at most {NAME_LENGTH} characters")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("holds a control character; remove it")


def _check_text(text: str) -> None:
    if len(text) > TEXT_LENGTH:
        raise ValueError(f"a description has at most {TEXT_LENGTH} characters")
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise ValueError("holds a control character; remove it")


def _check_domain(text: str) -> None:
    domain = keys.registrable_domain(text)
    if "." not in domain or domain.startswith("[") or domain.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is not a domain somebody registered; expected something like example.com")


def _check_language(text: str) -> None:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is not a language code; expected something like en or zh-CN")


def _check_phase(text: str) -> None:
    if text not in PHASES:
        raise ValueError(f"{text[:60]!r} is not a phase; {strict_json.nearest(text, tuple(PHASES))}")


def _check_service(text: str) -> None:
    if text not in SERVICES:
        raise ValueError(f"{text[:60]!r} is not a service; {strict_json.nearest(text, SERVICES)}")


def _check_pipeline_id(text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no pipeline id") from None


def _check_model(text: str) -> None:
    if not _MODEL.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not the name of a model; expected something like {DEFAULT_MODEL}")


KeywordText = Annotated[str, Meta(extra={"check": _check_keyword})]
RegionCode = Annotated[str, Meta(extra={"check": _check_region})]
Name = Annotated[str, Meta(extra={"check": _check_name})]
Text = Annotated[str, Meta(extra={"check": _check_text})]
Domain = Annotated[str, Meta(extra={"check": _check_domain})]
Language = Annotated[str, Meta(extra={"check": _check_language})]
PhaseName = Annotated[str, Meta(extra={"check": _check_phase})]
ServiceName = Annotated[str, Meta(extra={"check": _check_service})]
ModelName = Annotated[str, Meta(extra={"check": _check_model})]
CurveId = Annotated[str, Meta(extra={"check": curves.curve})]
PageCount = Annotated[int, Meta(ge=1, le=5)]
Seconds = Annotated[float, Meta(ge=0, le=FRESHNESS_SECONDS)]
Money = Annotated[float, Meta(ge=0, le=1e9)]
Credits = Annotated[int, Meta(ge=1, le=75)]
Interval = Annotated[int, Meta(ge=1, le=KEYWORDS)]
PipelineId = Annotated[str, Meta(extra={"check": _check_pipeline_id})]


class Keyword(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A keyword with what the report groups it by."""

    keyword: KeywordText
    group: Name | None = None
    brand: bool = False
    """Whether it names a company or its products."""


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company and the domains that count for it."""

    name: Name
    domains: Annotated[tuple[Domain, ...], Meta(min_length=1, max_length=OTHERS)]


class Persona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody the content should speak to."""

    name: Name
    description: Text = ""


class Dimension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something else pages are scored for."""

    name: Name
    focus: Text
    """What counts."""
    signals: Annotated[tuple[Text, ...], Meta(max_length=ASKED)] = ()
    """Words and facts that speak for it."""


class Landscape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named part of the keywords, with figures of its own."""

    name: Name
    keywords: Annotated[tuple[KeywordText, ...], Meta(min_length=1, max_length=KEYWORDS)]


class Pages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Result pages bought per search, by content type."""

    organic: PageCount = 2
    news: PageCount = 1
    video: PageCount = 1


class Serp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How searches are made."""

    pages: Pages = Pages()
    ai_overview: bool = False
    """Whether web searches ask for the AI overview: a credit more where there is one."""


class Scrape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How pages are fetched."""

    per_pipeline: Annotated[int, Meta(ge=0, le=KEYWORDS)] | None = None
    """Pages at most, those that stand highest first; the rest is skipped. Null: all."""
    credits_per_page: Credits = 25
    """A page that blocks cheap fetches is tried by dearer ones up to this price: 1, 5, 10, 25 or 75 credits."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the pipeline works, rather than on what."""

    priority: Priority = "normal"
    serp: Serp = Serp()
    scrape: Scrape = Scrape()
    budget: Money | None = None
    """What the pipeline may spend in all, of providers whose unit has a price; null: no limit."""
    model: ModelName | None = None
    """Of the language model that analyses pages; null: the installation's."""
    give_up_after_seconds: Seconds = 24 * 60 * 60.0
    """An item of an optional phase that has waited for so long is skipped; the report names the gap."""
    curve: CurveId | curves.OwnCurve = curves.DEFAULT
    """Click-through curve of the report: a built-in one by its id, or one you measured."""
    corrections: bool = True
    """Whether clicks are corrected for what else stands on a results page: ads, answers, an AI overview."""
    freshness: dict[ServiceName, Seconds] = {}
    """Seconds for which a stored fact answers instead of a new call, by service."""
    enable_state_tracking: bool = True
    """Whether every attempt that ended in an error is kept; states are, in any case."""
    enable_circuit_breakers: bool = True
    """Whether its calls heed the circuit breakers, and tell them how they ended."""
    enable_job_queue: bool = True
    """Whether items share jobs, and a priority counts; without it every job has one item, at normal priority."""
    enable_checkpoints: bool = True
    """Whether positions are written down that can be gone back to."""
    checkpoint_interval: Interval = 100
    """Items completed between two of them; the end of each phase has one besides."""
    resume_from_pipeline_id: PipelineId | None = None
    """An earlier pipeline. Its configuration is taken over where this request is silent, so that nothing else need be
    given; and its completed items."""
    resume_failed_only: bool = False
    """Of the earlier pipeline's other items only those that failed are worked on."""
    phases: Annotated[tuple[PhaseName, ...], Meta(max_length=OTHERS)] = tuple(PHASES)
    """The mandatory ones are always in."""


class StartRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/pipeline/start."""

    keywords: Annotated[tuple[KeywordText | Keyword, ...], Meta(min_length=1, max_length=KEYWORDS)]
    regions: Annotated[tuple[RegionCode, ...], Meta(min_length=1, max_length=OTHERS)]
    """ISO 3166-1 alpha-2 codes."""
    content_types: Annotated[tuple[ContentType, ...], Meta(min_length=1, max_length=OTHERS)] = CONTENT_TYPES
    company: Company | None = None
    """Whose landscape it is."""
    competitors: Annotated[tuple[Company, ...], Meta(max_length=OTHERS)] = ()
    personas: Annotated[tuple[Persona, ...], Meta(max_length=ASKED)] = ()
    landscapes: Annotated[tuple[Landscape, ...], Meta(max_length=OTHERS)] = ()
    dimensions: Annotated[tuple[Dimension, ...], Meta(max_length=ASKED)] = ()
    journey_phases: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=ASKED)] = JOURNEY_PHASES
    exclude_domains: Annotated[tuple[Domain, ...], Meta(max_length=OTHERS)] = ()
    """No company and no page of theirs is looked up; in the rankings they stay."""
    device: Device = "desktop"
    language: Language | None = None
    """Of the results pages; by default the region's own."""
    config: Config = Config()


def parse(body: bytes) -> StartRequest:
    """The request in a JSON body.

    Raises MalformedError when it is no JSON, InputError with one Problem per wrong field.
    """
    return strict_json.decode(body, StartRequest)
