"""One table of the report as CSV, safe to open in a spreadsheet."""

import csv
import io
import re
from typing import Any, Final

from shared.domain.report_columns import TABLES, Table, columns
from shared.domain.report_schema import Report

__all__ = ["TABLES", "Table", "harmless", "render"]

#: A spreadsheet takes a cell that begins like this for a formula; the last four are the wide forms of the first.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER: Final = re.compile(r"-\d+(\.\d+)?", re.ASCII)


def render(report: Report, table: Table) -> bytes:
    """UTF-8, as RFC 4180 has it; the first row names the fields. Unknown is empty, lists are joined by "; "."""
    names = list(columns(table))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in getattr(report, table))
    return text.getvalue().encode()


def harmless(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return harmless(value)
        case tuple():
            return harmless("; ".join(value))
        case _:
            return value
