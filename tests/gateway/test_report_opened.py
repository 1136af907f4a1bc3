"""The workbook opened by LibreOffice, where that is installed: the figures a person sees are those of the JSON."""

import csv
import math
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from services.gateway.reports import xlsx
from shared.domain.changes import movers
from shared.domain.report_columns import columns
from shared.domain.report_schema import Report
from tests.gateway.conftest import OFFICE
from tests.gateway.storage_market import config, market, report, rows, titled
from tests.gateway.test_report_files import ATTACK, shown

pytestmark = [pytest.mark.needs(OFFICE)]

#: Every sheet as UTF-8, numbers in full and not as they are shown.
_CSV: Final = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
_SECONDS: Final = 100


def opened(made: Report, folder: Path) -> dict[str, list[list[str]]]:
    """Cells of every sheet."""
    book = folder / "report.xlsx"
    book.write_bytes(xlsx.render(made))
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [OFFICE, profile, "--headless", "--convert-to", _CSV, "--outdir", str(folder), str(book)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    found = {}
    for file in folder.glob("report-*.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            found[file.stem.removeprefix("report-")] = list(csv.reader(lines))
    return found


def same(cell: str, value: Any) -> bool:
    """As far as the fifteen digits go that a spreadsheet writes."""
    match value:
        case None:
            return not cell
        case bool():
            return cell == str(value).upper()
        case int() | float():
            return math.isclose(float(cell), value, rel_tol=1e-14)
        case _:
            return bool(cell == value)


def test_figures_are_those_of_the_json(tmp_path: Path) -> None:
    """Every table, cell by cell, with the sheets beside them."""
    moved = movers(rows(market()), config(), rows(market(seed=8)), config(curve="backlinko"))
    made = msgspec.structs.replace(report(), movers=moved)
    found = opened(made, tmp_path)
    numbers = 0

    assert {"Summary", "Full Page Data", "Method and Data Quality", "Cost and Provenance"} <= found.keys()
    for title, table in xlsx.SHEETS:
        header, *lines = found[title]
        assert header == list(columns(table)), title
        for cells, row in zip(lines, getattr(made, table), strict=True):
            values = [shown(getattr(row, name)) for name in columns(table)]
            assert all(map(same, cells, values)), (title, cells, values)
            numbers += sum(isinstance(value, int | float) for value in values)
    assert numbers > 5_000


def test_nothing_is_run(tmp_path: Path) -> None:
    """A title that is a formula stays text."""
    found = opened(titled(ATTACK), tmp_path)
    cells = {cell for lines in found.values() for line in lines for cell in line if "cmd|" in cell}

    assert cells
    assert all(cell.startswith("'=") or not cell.startswith("=") for cell in cells)
