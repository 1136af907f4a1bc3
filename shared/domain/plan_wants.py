"""Which facts the items that a configuration names will ask for: what a plan looks up in the store.

The services' providers ask by the same words; `tests/domain/test_plan.py` holds the two together.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.domain.facts import fact_key
from shared.domain.phases import KEYWORD_METRICS, SERP_COLLECTION, NewItem

#: Characters and words of a keyword that Google Ads takes; a longer one is skipped by rule, without a call.
CHARACTERS: Final = 80
WORDS: Final = 10
#: Keywords of one region that a call takes.
KEYWORDS_PER_CALL: Final = 10_000

_ASKED: Final = ("q", "location", "gl", "hl", "google_domain", "device", "pages")
_NETWORK: Final = "GOOGLE_SEARCH"


def wanted_fact(item: NewItem, source: str) -> str | None:
    """Key of the fact an item asks for; None when it asks for none."""
    if item.phase == SERP_COLLECTION:
        return fact_key(source, "search", item.key, {name: item.input[name] for name in _ASKED})
    if item.phase == KEYWORD_METRICS and _fits(item.input):
        params = {
            "geo_target": item.input["geo_target"],
            "language": item.input["language"],
            "network": _NETWORK,
        }
        return fact_key(source, "historical_metrics", item.key, params)
    return None


def _fits(given: Mapping[str, Any]) -> bool:
    keyword: str = given["keyword"]
    return len(keyword) <= CHARACTERS and len(keyword.split()) <= WORDS
