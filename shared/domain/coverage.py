"""What a report rests on, counted: phases, searches, volumes, and analysed pages by what they weigh."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.domain.basis import ORGANIC, WHOLE, Basis, Scope
from shared.domain.market import Market
from shared.domain.phases import COMPANY_ENRICHMENT, KEYWORD_METRICS, PHASES
from shared.domain.pipeline import PipelineConfig
from shared.domain.platforms import VIDEO_HOSTS
from shared.domain.report_coverage import (
    AnalysisCoverage,
    CompanyCoverage,
    Coverage,
    PageCoverage,
    PhaseCoverage,
    PhaseOff,
    SearchCoverage,
    VolumeCoverage,
)

#: A degraded item of theirs means that the provider has nothing about it. Asking again would change nothing.
NOTHING_TO_BETTER: Final = frozenset({KEYWORD_METRICS, COMPANY_ENRICHMENT})

_NOT_ASKED: Final = "Not asked for."
_NO_KEY: Final = "Its provider had no key when the pipeline was started."
_EFFECTS: Final = {
    "keyword_metrics": "Search volumes are unknown, so every search weighs 1.",
    "company_enrichment": "Companies go by their domains.",
    "video_enrichment": "Views, likes and channels of videos are unknown.",
    "content_scraping": "No page is read, so no relevance and no Digital Strength Index is known.",
    "content_analysis": "No page is judged, so no relevance and no Digital Strength Index is known.",
    "dsi_calculation": "The index is made for this report only and not recorded.",
}


def coverage(
    basis: Basis,
    config: PipelineConfig,
    phases: list[PhaseCoverage],
    markets: Mapping[Scope, Market],
    *,
    companies: tuple[CompanyCoverage, ...],
    pages: tuple[PageCoverage, ...],
) -> Coverage:
    """`markets` are those of the whole landscape."""
    searches = tuple(_searches(basis, len(config.keywords)))
    return Coverage(
        complete=all(map(_is_complete, phases))
        and all(search.completed == search.planned for search in searches),
        phases=tuple(
            msgspec.structs.replace(phase, share=_share(phase.completed, phase.planned)) for phase in phases
        ),
        off=tuple(
            PhaseOff(name, _NO_KEY if name in config.without_service else _NOT_ASKED, _EFFECTS.get(name, ""))
            for name in PHASES
            if name not in config.phases
        ),
        searches=searches,
        volumes=tuple(_volumes(basis, region) for region in basis.regions),
        analysis=tuple(
            AnalysisCoverage(region, _analysed(basis, market))
            for (content_type, region), market in markets.items()
            if content_type == ORGANIC
        ),
        companies=companies,
        pages=pages,
    )


def _is_complete(phase: PhaseCoverage) -> bool:
    return phase.completed == phase.planned and (phase.phase in NOTHING_TO_BETTER or not phase.degraded)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _searches(basis: Basis, planned: int) -> list[SearchCoverage]:
    completed = Counter(search[1:] for search in basis.found)
    return [
        SearchCoverage(
            region,
            content_type,
            planned,
            completed[region, content_type],
            _share(completed[region, content_type], planned),
        )
        for content_type in basis.content_types
        for region in basis.regions
    ]


def _volumes(basis: Basis, region: str) -> VolumeCoverage:
    asked = basis.landscapes[WHOLE]
    volumes = [basis.weights.volume(keyword, region) for keyword in asked]
    known = [volume for volume in volumes if volume is not None]
    return VolumeCoverage(
        region, len(asked), len(known), _share(len(known), len(asked)), sum(known) if known else None
    )


def _analysed(basis: Basis, market: Market) -> float | None:
    """Of the clicks that pages with a text may expect, the share of those whose relevance is known."""
    per_search = market.per_search(basis.curve)
    tallies = [tally for company, tally in market.tallies.items() if company not in VIDEO_HOSTS]
    whole = math.fsum(n * per_search[place] for tally in tallies for place, n in tally.places.items())
    part = math.fsum(n * per_search[place] for tally in tallies for (_, place), n in tally.analysed.items())
    return min(1.0, part / whole) if whole else None
