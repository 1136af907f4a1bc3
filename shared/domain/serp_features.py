"""What stands on a results page beside its results, and what it does to the clicks of the places."""

import math
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from shared.domain.curves import DEEPEST, Curve

#: Block of an answer -> the feature it is.
NAMES: Final[Mapping[str, str]] = {
    "ads": "ads",
    "ai_overview": "ai_overview",
    "answer_box": "featured_snippet",
    "inline_images": "images",
    "inline_shopping": "shopping",
    "inline_videos": "video",
    "knowledge_graph": "knowledge_panel",
    "local_results": "local",
    "related_questions": "people_also_ask",
    "shopping_results": "shopping",
    "sitelinks": "sitelinks",
    "top_stories": "top_stories",
}
FEATURES: Final = tuple(sorted(set(NAMES.values())))

#: Click-through rate of first place by what stands around it, and over all pages (SISTRIX, 2020).
_AVERAGE: Final = 0.285
_FIRST_PLACE: Final[Mapping[str, float]] = {
    "pure": 0.342,
    "sitelinks": 0.469,
    "featured_snippet": 0.233,
    "ads": 0.188,
    "knowledge_panel": 0.167,
    "shopping": 0.137,
}
#: The block that leaves first place the fewest clicks decides.
_STRONGEST: Final = ("shopping", "knowledge_panel", "ads", "featured_snippet")
#: Share of its clicks a position loses to an AI overview (Ahrefs, December 2025); linear from 3 to 10, then the same.
_LOST: Final = (0.58, 0.508, *(0.464 - (0.464 - 0.194) * step / 7 for step in range(8)))

#: A results page as far as clicks go, as a small number: what decides first place, and whether there is an AI overview.
Layout = int
#: Nothing known, or no correction wanted: the curve as it is.
PLAIN: Final[Layout] = 0
_TOPS: Final = ("", "pure", "sitelinks", *reversed(_STRONGEST))
LAYOUTS: Final = tuple(range(2 * len(_TOPS)))


def names(blocks: Collection[str]) -> frozenset[str]:
    """Features of a page by the blocks of its answer; blocks that are none are left out."""
    return frozenset(NAMES[block] for block in blocks if block in NAMES)


def layout(features: Collection[str], *, first_has_sitelinks: bool) -> Layout:
    """Of a page with these features. What has no published effect on first place leaves it as on average."""
    top = next((name for name in _STRONGEST if name in features), "")
    if not top and first_has_sitelinks:
        top = "sitelinks"
    if not top and not features:
        top = "pure"
    return 2 * _TOPS.index(top) + ("ai_overview" in features)


@lru_cache(1024)
def corrected(curve: Curve, page: Layout) -> Curve:
    """The curve on such a page. Where its clicks would come to more than all, every place is scaled down alike."""
    if page == PLAIN:
        return curve
    top, overview = _TOPS[page // 2], page % 2
    shares = [curve.ctr(position) for position in range(1, DEEPEST + 1)]
    if top:
        shares[0] *= _FIRST_PLACE[top] / _AVERAGE
    if overview:
        shares = [share * (1 - _lost(position)) for position, share in enumerate(shares, 1)]
    total = max(1.0, math.fsum(shares))
    return Curve(curve.id, curve.version, tuple(share / total for share in shares), tail=0.0)


def _lost(position: int) -> float:
    return _LOST[min(position, len(_LOST)) - 1]
