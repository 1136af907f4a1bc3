"""The phases of a pipeline: which service works on what, and what its results make others work on.

A seventh provider is a folder under services/ and one line here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.domain import keys
from shared.domain.results import SearchResult, VideoResult


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be inserted, unless its phase already has the key."""

    phase: str
    key: str
    input: Mapping[str, Any] = field(default_factory=dict)
    batch_key: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase, bound to one service."""

    name: str
    service: str
    result: type[msgspec.Struct]
    upstream: tuple[str, ...] = ()
    """Phases whose results this one's items are found in; none: its items come from the keywords."""
    find: Callable[[Any], Iterable[tuple[str, Mapping[str, Any]]]] | None = None
    """Result of an upstream item -> (key, input) of the items found in it."""
    mandatory: bool = False
    """Without any completed item of it the pipeline has failed."""


def _videos(result: SearchResult) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The YouTube videos that rank."""
    for ranking in result.rankings:
        if video := keys.video_id(ranking.url):
            yield video, {}


SERP_COLLECTION = "serp_collection"
VIDEO_ENRICHMENT = "video_enrichment"

PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase(SERP_COLLECTION, "serp", SearchResult, mandatory=True),
        Phase(VIDEO_ENRICHMENT, "media", VideoResult, upstream=(SERP_COLLECTION,), find=_videos),
    )
}


def of_service(service: str) -> Phase:
    """The phase a service works on. Raises KeyError."""
    for phase in PHASES.values():
        if phase.service == service:
            return phase
    raise KeyError(f"no phase is bound to the service {service!r}")


def found_in(phase: str, result: msgspec.Struct, enabled: Collection[str]) -> list[NewItem]:
    """Items the result of one item of `phase` makes due in enabled later phases, each key once, sorted.

    Sorted, so that two transactions which find the same items lock them in the same order.
    """
    found = {
        (later.name, key): NewItem(later.name, key, input_)
        for later in PHASES.values()
        if later.find and phase in later.upstream and later.name in enabled
        for key, input_ in later.find(result)
    }
    return [found[name] for name in sorted(found)]
