"""The report: from what completed items left behind to what is shown and exported."""

from datetime import datetime
from typing import Final

from shared.domain.basis import Basis
from shared.domain.coverage import coverage
from shared.domain.gaps import gaps
from shared.domain.pipeline import PipelineConfig
from shared.domain.report_companies import companies
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
) -> Report:
    """The report of what is completed so far. Raises ValueError for rows of another pipeline."""
    basis = Basis(rows, config)
    whole = basis.markets()
    listed, company_coverage = companies(basis, rows.companies, whole)
    strongest, page_coverage = pages(basis, rows.analyses)
    return Report(
        meta=Meta(
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
        ),
        method=method(basis.curve, equal=basis.weights.equal, rivals=bool(basis.roles.competitors)),
        coverage=coverage(basis, config, rows.phases, whole, companies=company_coverage, pages=page_coverage),
        companies=listed,
        pages=strongest,
        videos=videos(basis, rows.videos),
        keywords=keywords(basis),
        gaps=gaps(basis, rows.companies),
    )
