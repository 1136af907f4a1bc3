"""What somebody wants of a report, read from the record and made into bytes."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from services.gateway.reports import csv, html, parquet, xlsx
from services.gateway.reports.wanted import Wanted
from shared.domain.changes import movers
from shared.domain.curves import Curve, chosen
from shared.domain.publication import refusals
from shared.domain.report import build_report
from shared.domain.report_insights import Mover
from shared.domain.report_schema import Report
from shared.errors import ConflictError, InputError, Problem
from shared.store.kept_reports import Marks
from shared.store.pipelines import Pipeline, get_pipeline
from shared.store.pool import Connection
from shared.store.report_rows import ReportRows, marked_rows


@dataclass(frozen=True, slots=True)
class Reading:
    """What the record has of a pipeline, and of the earlier one."""

    pipeline: Pipeline
    rows: ReportRows
    earlier: tuple[Pipeline, ReportRows] | None = None
    marks: tuple[Marks | None, ...] = ()
    """Of the pipeline and of the earlier one, as of the moment the rows were read."""


async def read(conn: Connection, pipeline_id: UUID, against: UUID | None = None) -> Reading:
    """Of a pipeline, and of the one it is compared with. Raises NotFoundError for an unknown one."""
    pipeline = await get_pipeline(conn, pipeline_id)
    marks, rows = await marked_rows(conn, pipeline_id)
    if against is None:
        return Reading(pipeline, rows, marks=(marks,))
    earlier = await get_pipeline(conn, against)
    earlier_marks, before = await marked_rows(conn, against)
    return Reading(pipeline, rows, (earlier, before), (marks, earlier_marks))


def render(reading: Reading, wanted: Wanted) -> bytes:
    """The report in its form. Raises InputError for a curve that is none or a comparison that is none, ConflictError when it is
    to be published and must not be.
    """
    report = build(reading, wanted)
    if wanted.publish:
        refuse_unfit(report)
    return form(report, wanted)


def form(report: Report, wanted: Wanted) -> bytes:
    """A report in the form that is wanted; of a single table the companies unless another is named."""
    match wanted.form:
        case "html":
            return html.render(report).encode()
        case "csv":
            return csv.render(report, wanted.table or csv.TABLES[0])
        case "parquet":
            return parquet.render(report, wanted.table or csv.TABLES[0])
        case "xlsx":
            return xlsx.render(report)
        case "json":
            return msgspec.json.encode(report)


def build(reading: Reading, wanted: Wanted) -> Report:
    """The report of a pipeline's rows. Raises InputError as `render`."""
    pipeline, rows = reading.pipeline, reading.rows
    curve = curve_of(wanted)
    with _uncollected():
        moved: tuple[Mover, ...] = ()
        if reading.earlier:
            earlier, before = reading.earlier
            try:
                moved = movers(rows, pipeline.config, before, earlier.config, curve)
            except ValueError as error:
                raise InputError(Problem("?against", str(error))) from None
        return build_report(
            rows,
            pipeline.config,
            pipeline_id=str(pipeline.pipeline_id),
            state=pipeline.state,
            created_at=pipeline.created_at,
            generated_at=datetime.now(UTC),
            curve=curve,
            movers=moved,
        )


def refuse_unfit(report: Report) -> None:
    """Raise ConflictError, which names every gate in the way with its reasons."""
    if report.publication and (gates := refusals(report.publication)):
        told = "; ".join(f"{gate.gate}: {', '.join(gate.reasons)}" for gate in gates)
        raise ConflictError(f"this report must not be published; mend it or waive a gate by name: {told}")


def curve_of(wanted: Wanted) -> Curve | None:
    """The curve in place of the pipeline's own. Raises InputError for an unknown one."""
    try:
        return None if wanted.curve is None else chosen(wanted.curve)
    except ValueError as error:
        raise InputError(Problem("?curve", str(error))) from None


_lock = threading.Lock()
_building = 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles, which would look through a large report's rows again and again: 30 % of the time.

    A report makes no cycles. Several may be built at once; the last one turns the collector on again.
    """
    global _building  # noqa: PLW0603  the collector is one for the process
    with _lock:
        _building += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _building -= 1
            if not _building:
                gc.enable()
