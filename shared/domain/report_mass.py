"""How much of each phase is in a report, by what it weighs: a missing search of many is not one of few."""

import math
from collections.abc import Iterable, Iterator, Mapping

from shared.domain.basis import ORGANIC, WHOLE, Basis, Scope
from shared.domain.market import Market
from shared.domain.phases import COMPANY_ENRICHMENT, CONTENT_ANALYSIS, SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.domain.pipeline import PipelineConfig
from shared.domain.report_coverage import AnalysisCoverage, MassCoverage
from shared.domain.report_schema import Company, Video


def mass(  # noqa: PLR0917  what phases left behind, each in its own table
    basis: Basis,
    config: PipelineConfig,
    markets: Mapping[Scope, Market],
    analysis: Iterable[AnalysisCoverage],
    companies: Iterable[Company],
    videos: Iterable[Video],
) -> tuple[MassCoverage, ...]:
    """Of the phases that are on. `markets` are those of the whole landscape. Videos are no pages to be analysed."""
    found = list(_searched(basis, markets))
    if COMPANY_ENRICHMENT in config.phases:
        found.append(MassCoverage(COMPANY_ENRICHMENT, None, _looked_up(config, companies)))
    if VIDEO_ENRICHMENT in config.phases:
        ranking = [video for video in videos if video.appearances]
        whole = sum(video.appearances for video in ranking)
        known = sum(video.appearances for video in ranking if video.found is not None)
        found.append(MassCoverage(VIDEO_ENRICHMENT, None, known / whole if whole else None))
    if CONTENT_ANALYSIS in config.phases:
        found += [MassCoverage(CONTENT_ANALYSIS, None, row.share) for row in analysis if row.region is None]
    return tuple(found)


def _searched(basis: Basis, markets: Mapping[Scope, Market]) -> Iterator[MassCoverage]:
    """Searches by volume; by number where none is known. All content types together."""
    asked = basis.landscapes[WHOLE]
    for region in basis.regions:
        done = [markets[content_type, region] for content_type in basis.content_types]
        whole = sum(basis.weights.weight(keyword, region) or 0 for keyword in asked) * len(done)
        part = sum(market.weight for market in done)
        if not whole:
            whole, part = len(asked) * len(done), sum(market.searches for market in done)
        yield MassCoverage(SERP_COLLECTION, region, min(1.0, part / whole) if whole else None)


def _looked_up(config: PipelineConfig, companies: Iterable[Company]) -> float | None:
    """Of the clicks of web results, those that go to companies that were looked up; platforms aside."""
    first = ORGANIC if ORGANIC in config.content_types else config.content_types[0]
    rows = [
        row
        for row in companies
        if (row.landscape, row.region, row.content_type) == (None, None, first)
        and row.role != "platform"
        and row.company not in config.exclude_domains
    ]
    whole = math.fsum(row.share_of_voice or 0.0 for row in rows)
    known = math.fsum(row.share_of_voice or 0.0 for row in rows if row.matched is not None)
    return min(1.0, known / whole) if whole else None
