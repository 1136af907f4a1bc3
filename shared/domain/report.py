"""The report: from what completed items left behind to what is shown and exported."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.basis import Basis
from shared.domain.coverage import coverage
from shared.domain.curves import Curve
from shared.domain.gaps import gaps
from shared.domain.pipeline import PipelineConfig
from shared.domain.publication import with_publication
from shared.domain.report_companies import companies
from shared.domain.report_content import dimensions, page_scores, themes
from shared.domain.report_features import features
from shared.domain.report_insights import Mover
from shared.domain.report_mass import mass
from shared.domain.report_matches import matches
from shared.domain.report_media import channels, publishers
from shared.domain.report_method import method
from shared.domain.report_rows import ReportRows
from shared.domain.report_schema import Meta, Report
from shared.domain.report_tables import keywords, pages, videos

__all__ = ["ENDED", "Report", "build_report"]

#: States of a pipeline nothing will be added to.
ENDED: Final = frozenset({"completed", "completed_with_gaps", "failed", "cancelled"})


def build_report(
    rows: ReportRows,
    config: PipelineConfig,
    *,
    pipeline_id: str,
    state: str,
    created_at: datetime,
    generated_at: datetime,
    curve: Curve | None = None,
    movers: Sequence[Mover] = (),
) -> Report:
    """The report of what is completed so far, by `curve` in place of the pipeline's own if there is one.

    Raises ValueError for rows of another pipeline.
    """
    basis = Basis(rows, config, curve)
    whole = basis.markets()
    known = {row.domain: row.result for row in rows.companies}
    listed, company_coverage, spread = companies(basis, rows.companies, whole)
    strongest, page_coverage = pages(basis, rows.analyses, rows.pages)
    found_features, owners = features(basis, known)
    kinds, theme_shares = themes(basis, rows.analyses, known)
    seen = videos(basis, rows.videos)
    covered = coverage(basis, config, rows.phases, whole, companies=company_coverage, pages=page_coverage)
    report = Report(
        meta=_meta(rows, config, pipeline_id, state, created_at, generated_at),
        method=method(basis, config),
        coverage=msgspec.structs.replace(
            covered, mass=mass(basis, config, whole, covered.analysis, listed, seen)
        ),
        companies=listed,
        pages=strongest,
        videos=seen,
        keywords=keywords(basis),
        gaps=gaps(basis, rows.companies),
        markets=spread,
        features=found_features,
        feature_owners=owners,
        themes=kinds,
        theme_shares=theme_shares,
        dimensions=dimensions(rows.analyses),
        page_scores=page_scores(basis, strongest, rows.analyses),
        channels=channels(basis, rows.videos),
        publishers=publishers(basis),
        matches=matches(basis, rows.companies),
        movers=tuple(movers),
    )
    return with_publication(report, rows.lineage, rows.waivers)


def _meta(  # noqa: PLR0917  what a report is told of itself
    rows: ReportRows,
    config: PipelineConfig,
    pipeline_id: str,
    state: str,
    created_at: datetime,
    generated_at: datetime,
) -> Meta:
    searched = [row.searched_at for row in rows.searches if row.searched_at]
    recorded = len(searched) == len(rows.searches)
    return Meta(
        pipeline_id=pipeline_id,
        state=state,
        created_at=created_at,
        generated_at=generated_at,
        regions=config.regions,
        content_types=config.content_types,
        keywords=len(config.keywords),
        company=config.company,
        competitors=config.competitors,
        landscapes=tuple(landscape.name for landscape in config.landscapes),
        personas=tuple(persona.name for persona in config.personas),
        data_source=config.data_source,
        final=state in ENDED,
        searched_from=min(searched, default=None) if recorded else None,
        searched_to=max(searched, default=None) if recorded else None,
        calls=tuple(rows.calls),
    )
