"""The report of a pipeline, at any time: JSON, a page for people, or one of its tables as CSV."""

import asyncio
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.reports import csv, html
from services.gateway.reports.csv import Table
from services.gateway.security import needs
from shared.domain.report import build_report
from shared.domain.report_schema import Report
from shared.domain.scope import Scope
from shared.errors import InputError, Problem
from shared.store.pipelines import Pipeline, get_pipeline
from shared.store.report_rows import ReportRows, report_rows

Form = Literal["json", "html", "csv"]

_MEDIA_TYPES: Final[dict[Form, str]] = {"json": "application/json", "html": "text/html", "csv": "text/csv"}
#: The page brings all it needs with it; whatever text it shows, it may do nothing.
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class ReportController(Controller):
    """/api/v1/pipeline/{pipeline_id}/report"""

    path = "/pipeline"
    tags = ("reports",)
    opt = needs(reads=Scope.READ_REPORTS)

    @get(
        "/{pipeline_id:uuid}/report",
        operation_id="getReport",
        summary="The report of what is completed so far: JSON, a page by ?format=html or Accept: text/html, or a table by ?format=csv&table=.",
    )
    async def report(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        format: FromQuery[Form | None] = None,  # noqa: A002  the query parameter's name
        table: FromQuery[Table | None] = None,
    ) -> Response[bytes]:
        """States its coverage; `meta.final` says whether anything can still change. `table` alone means CSV."""
        form = format or ("csv" if table else _accepted(request))
        if table and form != "csv":
            raise InputError(Problem("?table", "goes with format=csv; the other forms have all tables"))
        async with gateway.connection() as conn:
            pipeline = await get_pipeline(conn, pipeline_id)
            rows = await report_rows(conn, pipeline_id)
        content = await asyncio.to_thread(render, pipeline, rows, form, table)
        return Response(content, media_type=_MEDIA_TYPES[form], headers=_headers(form, table))


def _accepted(request: AnyRequest) -> Form:
    best = request.accept.best_match([_MEDIA_TYPES["json"], _MEDIA_TYPES["html"]])
    return "html" if best == _MEDIA_TYPES["html"] else "json"


def _headers(form: Form, table: Table | None) -> dict[str, str]:
    headers = {"Vary": "Accept"}
    if form == "html":
        headers["Content-Security-Policy"] = _PAGE_POLICY
    if form == "csv":
        headers["Content-Disposition"] = f'attachment; filename="{table or csv.TABLES[0]}.csv"'
    return headers


def render(pipeline: Pipeline, rows: ReportRows, form: Form, table: Table | None = None) -> bytes:
    """The report as JSON or as a page, or one table of it as CSV: the companies, unless another is named."""
    report = build(pipeline, rows)
    match form:
        case "html":
            return html.render(report).encode()
        case "csv":
            return csv.render(report, table or csv.TABLES[0])
        case "json":
            return msgspec.json.encode(report)


def build(pipeline: Pipeline, rows: ReportRows) -> Report:
    """The report of a pipeline's rows."""
    return build_report(
        rows,
        pipeline.config,
        pipeline_id=str(pipeline.pipeline_id),
        state=pipeline.state,
        created_at=pipeline.created_at,
        generated_at=datetime.now(UTC),
    )
