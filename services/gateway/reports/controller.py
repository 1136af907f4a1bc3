"""The report of a pipeline, at any time: JSON, a page for people, a workbook, or one of its tables."""

from typing import Final
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.reports import csv
from services.gateway.reports.kept import answer
from services.gateway.reports.wanted import OF_ONE_TABLE, Form, Wanted
from services.gateway.security import needs
from shared.domain.curve_file import read_curve
from shared.domain.report_columns import Table
from shared.domain.scope import Scope
from shared.errors import InputError, Problem

_MEDIA_TYPES: Final[dict[Form, str]] = {
    "json": "application/json",
    "html": "text/html",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
#: The page brings all it needs with it; whatever text it shows, it may do nothing.
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class ReportController(Controller):
    """/api/v1/pipeline/{pipeline_id}/report"""

    path = "/pipeline"
    tags = ("reports",)
    opt = needs(reads=Scope.READ_REPORTS, writes=Scope.READ_REPORTS)

    @get(
        "/{pipeline_id:uuid}/report",
        operation_id="getReport",
        summary="The report of what is completed so far: JSON, a page by ?format=html or Accept: text/html, a workbook, or a table by ?format=csv&table=.",
    )
    async def report(  # noqa: PLR0917  Litestar passes them by name
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        format: FromQuery[Form | None] = None,  # noqa: A002  the query parameter's name
        table: FromQuery[Table | None] = None,
        curve: FromQuery[str | None] = None,
        against: FromQuery[UUID | None] = None,
        publish: FromQuery[bool] = False,
    ) -> Response[bytes]:
        """States its coverage; `meta.final` says whether anything can still change. `table` alone means CSV.

        `curve` is a built-in click curve in place of the pipeline's own; `against` an earlier pipeline, for the
        table of movers. With `publish`, 409 unless every gate passes or is waived.
        """
        wanted = Wanted(_form(request, format, table), table, curve, against, publish)
        return await _answer(gateway, pipeline_id, wanted)

    @post(
        "/{pipeline_id:uuid}/report",
        operation_id="getReportByCurve",
        status_code=200,
        summary="The same by a click curve of your own: the body is CSV with the header position,share or position,percent.",
    )
    async def by_curve(  # noqa: PLR0917  Litestar passes them by name
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        format: FromQuery[Form | None] = None,  # noqa: A002  the query parameter's name
        table: FromQuery[Table | None] = None,
        curve: FromQuery[str] = "own",
        against: FromQuery[UUID | None] = None,
        publish: FromQuery[bool] = False,
    ) -> Response[bytes]:
        """Nothing is kept of it; `curve` is the name it goes by in the report. Lines 1 to 10 at least, 20 at most."""
        try:
            text = (await request.body()).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(Problem("", "the body is no UTF-8 text")) from None
        own = read_curve(text, curve)
        wanted = Wanted(_form(request, format, table), table, own, against, publish)
        return await _answer(gateway, pipeline_id, wanted)


async def _answer(gateway: Gateway, pipeline_id: UUID, wanted: Wanted) -> Response[bytes]:
    content = await answer(gateway.connection, pipeline_id, wanted)
    return Response(content, media_type=_MEDIA_TYPES[wanted.form], headers=_headers(wanted))


def _form(request: AnyRequest, given: Form | None, table: Table | None) -> Form:
    form = given or ("csv" if table else _accepted(request))
    if table and form not in OF_ONE_TABLE:
        raise InputError(
            Problem("?table", "goes with format=csv or parquet; the other forms have all tables")
        )
    return form


def _accepted(request: AnyRequest) -> Form:
    best = request.accept.best_match([_MEDIA_TYPES["json"], _MEDIA_TYPES["html"]])
    return "html" if best == _MEDIA_TYPES["html"] else "json"


def _headers(wanted: Wanted) -> dict[str, str]:
    headers = {"Vary": "Accept"}
    if wanted.form == "html":
        headers["Content-Security-Policy"] = _PAGE_POLICY
    if wanted.form in OF_ONE_TABLE:
        name = f"{wanted.table or csv.TABLES[0]}.{wanted.form}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if wanted.form == "xlsx":
        headers["Content-Disposition"] = 'attachment; filename="report.xlsx"'
    return headers
