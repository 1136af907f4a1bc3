"""How a report's figures were made, in words for its readers."""

from typing import Final

from shared.domain.basis import Basis
from shared.domain.curves import CURVES
from shared.domain.gaps import FIRST_PAGE, TARGET
from shared.domain.pipeline import PipelineConfig
from shared.domain.report_content import SPEAKS
from shared.domain.report_schema import MarketPosition, Method, UsedCurve
from shared.domain.strength import FEWEST_KEYWORDS

#: Last rank of each class of market position; beyond them all is a niche.
LAST_RANKS: Final[dict[MarketPosition, int]] = {"leader": 5, "challenger": 20, "competitor": 50}

_BY_VOLUME: Final = (
    "Each search weighs as much as its keyword's average monthly searches in its region. Searches without a known "
    "volume are left out of clicks, shares and relevance; they count in coverage, visibility and positions."
)
_CORRECTED: Final = (
    "Of web searches. First place: x its rate with the block that takes most of its clicks (sitelinks 46.9 %, nothing "
    "beside the results 34.2 %, featured snippet 23.3 %, ads 18.8 %, knowledge panel 16.7 %, shopping 13.7 %) by 28.5 % "
    "on average (SISTRIX). With an AI overview the places lose 58 % at 1, 50.8 % at 2, 46.4 % at 3, falling evenly to "
    "19.4 % from 10 on (Ahrefs, December 2025). Where that comes to more than all clicks, all places are scaled down."
)
_NOT_CORRECTED: Final = "None: the curve holds whatever else stands on a results page."
_ALL_ALIKE: Final = "Every search weighs 1: no search volume is known."


def market_position(rank: int | None, share: float | None) -> MarketPosition | None:
    """The class of a rank in share of voice; who has no share is a niche at best. None: no rank."""
    if rank is None:
        return None
    return next((name for name, last in LAST_RANKS.items() if share and rank <= last), "niche")


def method(basis: Basis, config: PipelineConfig) -> Method:
    """In the words of the figures' own modules."""
    curve, equal, rivals = basis.curve, basis.weights.equal, bool(basis.roles.competitors)
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
        corrections=_CORRECTED if config.corrections else _NOT_CORRECTED,
        depths=basis.depths,
        traffic_value=(
            "Expected clicks x average price of a click, over the searches whose price is known, in the currency of the "
            "advertising account."
        ),
        features=(
            "What stands on the pages of web searches beside the results. Ownership is the volume of the searches in "
            "which a feature links to the company by that of all with the feature."
            + ("" if config.ai_overview else " AI overviews were not asked for, so nothing is known of them.")
        ),
        themes=(
            f"A page speaks to a persona, or is of a dimension, from a score of {SPEAKS:g} on; it has one journey phase, "
            "page type and sentiment. Shares are of the clicks that analysed web results may expect."
        ),
        names=(
            "As given at the start, else as a person says, else as the match has it. Confidence: 0.9 where the record has "
            "the domain itself, 0.8 where its website does, 0.5 otherwise; 0.6 of that where name and domain share nothing."
        ),
    )
