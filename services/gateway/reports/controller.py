"""The report of a pipeline, at any time: JSON, or a page for people."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from services.gateway.dependencies import Gateway
from services.gateway.reports import html
from shared.domain.report import Meta, Report, build_report
from shared.store.pipelines import Pipeline, get_pipeline
from shared.store.report_rows import ReportRows, report_rows

_JSON: Final = "application/json"
_HTML: Final = "text/html"
#: The page brings all it needs with it; whatever text it shows, it may do nothing.
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class ReportController(Controller):
    """/api/v1/pipeline/{pipeline_id}/report"""

    path = "/pipeline"
    tags = ("reports",)

    @get(
        "/{pipeline_id:uuid}/report",
        operation_id="getReport",
        summary="Share of voice of what is completed so far; JSON, or a page by ?format=html or Accept: text/html.",
    )
    async def report(
        self,
        request: Request[Any, Any, Any],
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        format: FromQuery[Literal["json", "html"] | None] = None,  # noqa: A002  the query parameter's name
    ) -> Response[bytes]:
        """States its coverage; `meta.final` says whether anything can still change."""
        async with gateway.connection() as conn:
            pipeline = await get_pipeline(conn, pipeline_id)
            rows = await report_rows(conn, pipeline_id)
        page = format == "html" or (format is None and request.accept.best_match([_JSON, _HTML]) == _HTML)
        content = await asyncio.to_thread(render, pipeline, rows, page=page)
        headers = {"Vary": "Accept"} | ({"Content-Security-Policy": _PAGE_POLICY} if page else {})
        return Response(content, media_type=_HTML if page else _JSON, headers=headers)


def render(pipeline: Pipeline, rows: ReportRows, *, page: bool) -> bytes:
    """The report as a page or as JSON."""
    report = build(pipeline, rows)
    return html.render(report).encode() if page else msgspec.json.encode(report)


def build(pipeline: Pipeline, rows: ReportRows) -> Report:
    """The report of a pipeline's rows."""
    config = pipeline.config
    meta = Meta(
        pipeline_id=str(pipeline.pipeline_id),
        state=pipeline.state,
        created_at=pipeline.created_at,
        generated_at=datetime.now(UTC),
        regions=config.regions,
        content_types=config.content_types,
        keywords=len(config.keywords),
        company=config.company,
        competitors=config.competitors,
        data_source=config.data_source,
    )
    return build_report(meta, rows.searches, rows.videos, config.curve, rows.phases)
