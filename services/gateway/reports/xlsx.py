"""The report as a workbook: a sheet per table, written row by row in constant memory."""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Final

import msgspec
from xlsxwriter import Workbook

from services.gateway.reports.csv import harmless
from shared.domain.report_columns import Table, columns
from shared.domain.report_schema import Report

#: Sheets that are a table of the report, in the order of the first generation's workbook where it had them.
SHEETS: Final[tuple[tuple[str, Table], ...]] = (
    ("Company Rankings", "companies"),
    ("Page Rankings", "pages"),
    ("SERP Analysis", "keywords"),
    ("Video", "videos"),
    ("Video Channels", "channels"),
    ("News", "publishers"),
    ("Dimension Analysis", "dimensions"),
    ("Company Enrichment", "matches"),
    ("Gaps and Opportunities", "gaps"),
    ("SERP Features", "features"),
    ("Feature Ownership", "feature_owners"),
    ("Markets", "markets"),
    ("Themes", "themes"),
    ("Share by Theme", "theme_shares"),
    ("Movers", "movers"),
)
#: What a sheet and a cell can hold at the most.
_LAST_ROW: Final = 1_048_575
_LONGEST: Final = 32_767
_WIDTH: Final = 16


def render(report: Report) -> bytes:
    """The file. Numbers are numbers, of sixteen digits as in every workbook; unknown is an empty cell, text stays text whatever it begins with."""
    content = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with Workbook(content, options) as book:
        _write(book, "Summary", ("figure", "value"), _summary(report))
        for title, table in SHEETS:
            names = tuple(columns(table))
            rows = ([getattr(row, name) for name in names] for row in getattr(report, table))
            _write(book, title, names, rows)
            if title == "Page Rankings":
                _write(book, "Full Page Data", *_full_pages(report))
        _write(book, "Pipeline Configuration", _PHASES, _phases(report))
        _write(book, "Method and Data Quality", ("subject", "detail"), _method(report))
        _write(book, "Cost and Provenance", _CALLS, _calls(report))
    return content.getvalue()


def _write(book: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(header) - 1, _WIDTH)
    for column, name in enumerate(header):
        sheet.write_string(0, column, harmless(name), bold)
    for number, row in enumerate(rows, 1):
        if number > _LAST_ROW:
            raise ValueError(
                f"the table {title} has more rows than a sheet can hold; take it as csv or parquet"
            )
        for column, value in enumerate(row):
            match value:
                case None:
                    continue
                case bool():
                    sheet.write_boolean(number, column, value)
                case int() | float():
                    sheet.write_number(number, column, value)
                case _:
                    text = "; ".join(value) if isinstance(value, tuple) else str(value)
                    if text:
                        sheet.write_string(number, column, harmless(text)[:_LONGEST])


def _summary(report: Report) -> list[tuple[str, Any]]:
    meta, publication = report.meta, report.publication
    client = next((row for row in report.companies if row.role == "client"), None)
    rows: list[tuple[str, Any]] = [
        ("schema_version", report.schema_version),
        ("pipeline_id", meta.pipeline_id),
        ("state", meta.state),
        ("final", meta.final),
        ("generated_at", meta.generated_at.astimezone(UTC).isoformat()),
        ("data_source", meta.data_source),
        ("keywords", meta.keywords),
        ("regions", meta.regions),
        ("content_types", meta.content_types),
        ("publishable", publication.publishable if publication else None),
        ("client", client.name if client else None),
    ]
    if client:
        rows += [
            (name, getattr(client, name))
            for name in (
                "share_of_voice",
                "share_low",
                "share_high",
                "rank",
                "dsi",
                "dsi_rank",
                "keyword_coverage",
            )
        ]
    return rows


def _full_pages(report: Report) -> tuple[tuple[str, ...], Iterable[Sequence[Any]]]:
    """Pages with a column per persona and dimension of this pipeline."""
    names = tuple(columns("pages"))
    scored = sorted({row.dimension for row in report.page_scores})
    scores: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in report.page_scores:
        scores.setdefault((row.url, row.content_type), {})[row.dimension] = row.score
    rows = (
        [
            *(getattr(page, name) for name in names),
            *(scores.get((page.url, page.content_type), {}).get(dimension) for dimension in scored),
        ]
        for page in report.pages
    )
    return (*names, *scored), rows


_PHASES: Final = ("phase", "planned", "completed", "failed", "skipped", "open", "degraded", "share", "note")


def _phases(report: Report) -> Iterable[Sequence[Any]]:
    for phase in report.coverage.phases:
        yield [getattr(phase, name) for name in _PHASES[:-1]]
    for off in report.coverage.off:
        yield [off.phase, *[None] * (len(_PHASES) - 2), f"{off.reason} {off.effect}"]


def _method(report: Report) -> Iterable[Sequence[Any]]:
    for gate in report.publication.gates if report.publication else ():
        state = "passed" if gate.passed else "waived" if gate.waived_by else "refused"
        words = [*gate.reasons, f"waived by {gate.waived_by}: {gate.waiver}" if gate.waived_by else ""]
        yield f"gate {gate.gate}", "; ".join([state, *filter(None, words)])
    for name, value in msgspec.to_builtins(report.method).items():
        yield name, value if isinstance(value, str) else msgspec.json.encode(value).decode()
    for mass in report.coverage.mass:
        yield f"mass of {mass.phase}{f' in {mass.region}' if mass.region else ''}", mass.share


_CALLS: Final = ("provider", "endpoint", "calls", "in_doubt", "subjects", "units", "money")


def _calls(report: Report) -> Iterable[Sequence[Any]]:
    for call in report.meta.calls:
        yield [getattr(call, name) for name in _CALLS]
