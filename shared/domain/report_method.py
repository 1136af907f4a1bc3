"""How a report's figures were made, in words for its readers."""

from typing import Final

from shared.domain.curves import CURVES, Curve
from shared.domain.gaps import FIRST_PAGE, TARGET
from shared.domain.report_schema import MarketPosition, Method, UsedCurve
from shared.domain.strength import FEWEST_KEYWORDS

#: Last rank of each class of market position; beyond them all is a niche.
LAST_RANKS: Final[dict[MarketPosition, int]] = {"leader": 5, "challenger": 20, "competitor": 50}

_BY_VOLUME: Final = (
    "Each search weighs as much as its keyword's average monthly searches in its region. Searches without a known "
    "volume are left out of clicks, shares and relevance; they count in coverage, visibility and positions."
)
_ALL_ALIKE: Final = "Every search weighs 1: no search volume is known."


def market_position(rank: int | None, share: float | None) -> MarketPosition | None:
    """The class of a rank in share of voice; who has no share is a niche at best. None: no rank."""
    if rank is None:
        return None
    return next((name for name, last in LAST_RANKS.items() if share and rank <= last), "niche")


def method(curve: Curve, *, equal: bool, rivals: bool) -> Method:
    """With `equal`, all searches weigh the same; with `rivals`, competitors were named at the start."""
    leader, challenger, competitor = LAST_RANKS.values()
    whose = "a named competitor" if rivals else "any other company, as no competitors were named,"
    return Method(
        curve=UsedCurve(curve.id, curve.version, curve.shares, curve.tail),
        band_curves=tuple(sorted(CURVES)),
        weights="equal" if equal else "volume",
        weighting=_ALL_ALIKE if equal else _BY_VOLUME,
        several_urls="All results of a company in one search count. Results at one position share its clicks.",
        companies=(
            "The client and each competitor have all the domains given at the start; every other domain is a company "
            "of its own, named by its match where there is one. Platforms take their share and have no rank."
        ),
        domains="Registrable domains by the public suffix list with its private section.",
        content_types="Organic, news and video have a share of voice each and are never summed.",
        possible=(
            "What the share could be if all clicks of the searches that are missing, unsearched or of unknown volume, "
            "went elsewhere, and if all went to the company. Unknown as soon as one missing search's volume is."
        ),
        visibility="Expected clicks of the best place in each search, each weighing 1, against first place in all of them.",
        average_position="Mean of the best place in each search the company ranks in.",
        market_position=(
            f"By rank in share of voice: leader to {leader}, challenger to {challenger}, "
            f"competitor to {competitor}, niche beyond and without any clicks to be expected."
        ),
        relevance=(
            "Mean of a page's valid persona scores, or of its market relevance where no personas were given, from 0 to 1. "
            "Of a company: over its analysed web results, weighted by the clicks they may expect. A score whose quote is "
            "not in the text is void and does not count."
        ),
        dsi=(
            "Digital Strength Index: 100 x (coverage x share of voice x relevance)^(1/3), of web results. Coverage is the "
            "share of completed searches with the company in the first 20. Where a factor is unknown, so is the index."
        ),
        dsi_rank=f"Among companies with an index that are in the first 20 for {FEWEST_KEYWORDS} keywords or more.",
        dsi_legacy="Coverage in percent x share of voice in percent x relevance: only to compare with old numbers.",
        gaps=(
            f"Web searches with {whose} in the first {FIRST_PAGE} and the client beyond 20 or absent. The opportunity is "
            f"the search's weight x (clicks at position {TARGET} - clicks now), and there are none beyond 20."
        ),
        view_share="Of the published views of all videos listed; hidden counts are left out.",
    )
