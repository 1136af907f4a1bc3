"""The report as a workbook and as Parquet: the figures of the JSON, and no cell that runs anything."""

import io
import math
from typing import Any

import msgspec
import openpyxl
import pytest
from pyarrow import parquet as reader

from services.gateway.reports import parquet, xlsx
from services.gateway.reports.csv import harmless
from shared.domain.report_columns import TABLES, Table, columns
from shared.domain.report_schema import Report
from tests.gateway.storage_market import report, titled

ATTACK = '=cmd|"/c calc"!A0'


@pytest.fixture(scope="module")
def made() -> Report:
    """A complete report of the market."""
    return report()


def sheets(of: Report) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of every sheet, as a spreadsheet reads them."""
    book = openpyxl.load_workbook(io.BytesIO(xlsx.render(of)), read_only=True)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def shown(value: Any) -> Any:
    """What a cell shows of a value."""
    if isinstance(value, tuple | list):
        value = "; ".join(value)
    return (harmless(value) or None) if isinstance(value, str) else value


def same(cell: Any, value: Any) -> bool:
    """As far as a cell's sixteen digits go."""
    return math.isclose(cell, value, rel_tol=1e-15) if isinstance(value, float) else bool(cell == value)


def test_every_table_is_a_sheet_with_the_figures_of_the_json(made: Report) -> None:
    """Read back cell by cell; a workbook has sixteen digits of a number."""
    found = sheets(made)

    for title, table in xlsx.SHEETS:
        header, *rows = found[title]
        assert header == tuple(columns(table)), title
        expected = [
            tuple(shown(getattr(row, name)) for name in columns(table)) for row in getattr(made, table)
        ]
        assert len(rows) == len(expected), title
        for read, wanted in zip(rows, expected, strict=True):
            assert all(map(same, read, wanted)), title


def test_the_workbook_has_the_sheets_it_should(made: Report) -> None:
    """Those of the first generation, and what it lacked; persona columns are this pipeline's own."""
    found = sheets(made)

    assert {"Summary", "Full Page Data", "Pipeline Configuration", "Method and Data Quality"} <= found.keys()
    assert {"Cost and Provenance", "Gaps and Opportunities", "SERP Features", "Movers"} <= found.keys()
    assert [name for name in found["Full Page Data"][0] if ":" in str(name)] == [
        "persona:Buyer",
        "persona:Plant manager",
    ]
    assert dict(row[:2] for row in found["Summary"])["publishable"] is False
    assert any(str(row[0]) == "gate lineage" for row in found["Method and Data Quality"])


def test_no_cell_is_a_formula() -> None:
    """Whatever a title says: it is text, and behind an apostrophe in case it is pasted elsewhere."""
    book = openpyxl.load_workbook(io.BytesIO(xlsx.render(titled(ATTACK))))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]

    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert [cell for cell in cells if cell.value == f"'{ATTACK}"]
    assert not [cell for cell in cells if str(cell.value).startswith("=")]


@pytest.mark.parametrize("table", TABLES)
def test_parquet_has_the_contracts_columns_and_the_jsons_values(made: Report, table: Table) -> None:
    """Typed, unknown as null, with the schema's version in the file."""
    found = reader.read_table(io.BytesIO(parquet.render(made, table)))

    assert found.column_names == list(columns(table))
    assert found.schema.metadata[b"schema_version"] == made.schema_version.encode()
    assert found.to_pylist() == msgspec.json.decode(msgspec.json.encode(getattr(made, table)))
