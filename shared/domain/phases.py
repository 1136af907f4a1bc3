"""The phases of a pipeline: which service works on what, and what its results make others work on.

A seventh provider is a folder under services/ and one line here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.domain import keys
from shared.domain.platforms import PLATFORMS, VIDEO_HOSTS
from shared.domain.results import (
    AnalysisResult,
    CompanyResult,
    PageResult,
    Ranking,
    SearchResult,
    StrengthResult,
    VideoResult,
    VolumeResult,
)

#: Name of the lease, and of the queue, of what belongs to no provider.
HOUSEKEEPING = "housekeeping"
#: Results beyond this position get hardly any clicks: their pages are not fetched.
DEEPEST_PAGE = 20
#: Characters of a page's key, which an index must hold; no page that matters has a longer address.
LONGEST_KEY = 2_000
#: A page with fewer words says nothing to analyse: a shell, a captcha, a consent wall.
FEWEST_WORDS = 20
#: Endings of addresses that are no HTML page.
_FILES = (
    ".pdf",
    ".doc",
    ".docx",
    ".ppt",
    ".pptx",
    ".xls",
    ".xlsx",
    ".zip",
    ".jpg",
    ".png",
    ".gif",
    ".mp3",
    ".mp4",
)


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be inserted, unless its phase already has the key."""

    phase: str
    key: str
    input: Mapping[str, Any] = field(default_factory=dict)
    batch_key: str = ""
    value: float = 0.0
    """What is worth more is worked on first."""


class Rules(msgspec.Struct, frozen=True):
    """What of a pipeline's configuration decides which items are found."""

    phases: tuple[str, ...]
    """Enabled ones."""
    exclude_domains: frozenset[str] = frozenset()
    """Registrable."""


Found = tuple[str, Mapping[str, Any], float]
"""Key, input and value of an item that was found."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase, bound to one service."""

    name: str
    service: str
    """Empty: it needs no provider, and housekeeping does it when nothing else of the pipeline is open."""
    result: type[msgspec.Struct]
    upstream: tuple[str, ...] = ()
    """Phases whose results this one's items are found in; none: its items come from the configuration."""
    find: Callable[[str, Any, Rules], Iterable[Found]] | None = None
    """(key, result) of an upstream item -> the items found in it."""
    mandatory: bool = False
    """Without any completed item of it the pipeline has failed."""
    context: tuple[str, ...] = ()
    """Fields of the pipeline's configuration that its provider needs with every item."""
    reads: str = ""
    """Phase whose bought answer for the same key its provider needs with every item."""

    @property
    def queue(self) -> str:
        """Of its jobs."""
        return self.service or HOUSEKEEPING


def _domains(_key: str, result: SearchResult, rules: Rules) -> Iterable[Found]:
    """The companies' domains that rank: no platforms, no addresses, nothing excluded."""
    for ranking in result.rankings:
        domain = ranking.domain
        if domain not in rules.exclude_domains and domain not in PLATFORMS and _is_registered(domain):
            yield domain, {}, _worth(ranking)


def _videos(_key: str, result: SearchResult, _rules: Rules) -> Iterable[Found]:
    """The YouTube videos that rank."""
    for ranking in result.rankings:
        if video := keys.video_id(ranking.url):
            yield video, {}, _worth(ranking)


def _pages(key: str, result: SearchResult, rules: Rules) -> Iterable[Found]:
    """The web pages that rank high enough in web and news results."""
    if msgspec.json.decode(key)[2] == "video":
        return
    for ranking in result.rankings:
        domain = ranking.domain
        if ranking.position > DEEPEST_PAGE or domain in VIDEO_HOSTS or domain in rules.exclude_domains:
            continue
        try:
            page = keys.page_key(ranking.url)
        except ValueError:  # no address of the web
            continue
        if len(page) <= LONGEST_KEY and not page.partition("?")[0].lower().endswith(_FILES):
            yield page, {"url": ranking.url}, _worth(ranking)


def _texts(key: str, result: PageResult, _rules: Rules) -> Iterable[Found]:
    """The page itself, if there is something to read."""
    if result.words >= FEWEST_WORDS:
        yield key, {"url": result.url, "title": result.title}, 0.0


def _worth(ranking: Ranking) -> float:
    """The higher a result stands, the more its page, domain or video is worth knowing."""
    return 1.0 / ranking.position


def _is_registered(domain: str) -> bool:
    return "." in domain and not domain.startswith("[") and not domain.rpartition(".")[2].isdigit()


KEYWORD_METRICS = "keyword_metrics"
SERP_COLLECTION = "serp_collection"
COMPANY_ENRICHMENT = "company_enrichment"
VIDEO_ENRICHMENT = "video_enrichment"
CONTENT_SCRAPING = "content_scraping"
CONTENT_ANALYSIS = "content_analysis"
DSI_CALCULATION = "dsi_calculation"

_SEARCHES = (SERP_COLLECTION,)
_ANALYSED_FOR = ("company", "competitors", "personas", "dimensions", "journey_phases", "model")

PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase(KEYWORD_METRICS, "keywords", VolumeResult),
        Phase(SERP_COLLECTION, "serp", SearchResult, mandatory=True),
        Phase(COMPANY_ENRICHMENT, "enrichment", CompanyResult, _SEARCHES, _domains),
        Phase(VIDEO_ENRICHMENT, "media", VideoResult, _SEARCHES, _videos),
        Phase(CONTENT_SCRAPING, "pages", PageResult, _SEARCHES, _pages, context=("scrape",)),
        Phase(CONTENT_ANALYSIS, "llm", AnalysisResult, (CONTENT_SCRAPING,), _texts, context=_ANALYSED_FOR, reads=CONTENT_SCRAPING),
        Phase(DSI_CALCULATION, "", StrengthResult),
    )
}  # fmt: skip

#: Phases that need no provider: done when nothing else is open.
CLOSING = tuple(phase.name for phase in PHASES.values() if not phase.service)
#: The services that have a provider.
SERVICES = tuple(phase.service for phase in PHASES.values() if phase.service)


def of_service(service: str) -> Phase:
    """The phase a service works on. Raises KeyError."""
    for phase in PHASES.values():
        if phase.service == service:
            return phase
    raise KeyError(f"no phase is bound to the service {service!r}")


def feeding(enabled: Collection[str]) -> list[Phase]:
    """Phases in whose results items of the enabled phases are found, in the order of the work."""
    upstream = {name for phase in PHASES.values() if phase.name in enabled for name in phase.upstream}
    return [phase for phase in PHASES.values() if phase.name in upstream]


def found_in(phase: str, key: str, result: msgspec.Struct, rules: Rules) -> list[NewItem]:
    """Items the result of one item of `phase` makes due in enabled later phases, each key once, sorted.

    Sorted, so that two transactions which find the same items lock them in the same order. Of several
    places where one is found the first counts.
    """
    found: dict[tuple[str, str], NewItem] = {}
    for later in PHASES.values():
        if later.find and phase in later.upstream and later.name in rules.phases:
            for found_key, input_, value in later.find(key, result, rules):
                found.setdefault((later.name, found_key), NewItem(later.name, found_key, input_, value=value))
    return [found[name] for name in sorted(found)]
