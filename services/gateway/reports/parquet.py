"""One table of the report as Parquet, typed; needs the extra `parquet`."""

import io
from typing import Any

from shared.domain.report_columns import Table, columns
from shared.domain.report_schema import Report
from shared.errors import InputError, Problem


def render(report: Report, table: Table) -> bytes:
    """The columns as the contract has them, unknown as null; the schema's version stands in the file's metadata.

    Text stays as it is: nothing runs formulas here. Raises InputError where the extra is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        detail = "parquet needs the extra: pip install 'landscape[parquet]'; csv has the same columns"
        raise InputError(Problem("?format", detail)) from None
    types: dict[str, Any] = {
        "text": pa.string(),
        "number": pa.float64(),
        "count": pa.int64(),
        "flag": pa.bool_(),
        "list": pa.list_(pa.string()),
    }
    rows = getattr(report, table)
    schema = pa.schema(
        [(name, types[kind]) for name, kind in columns(table).items()],
        metadata={"schema_version": report.schema_version, "pipeline_id": report.meta.pipeline_id},
    )
    arrays = [pa.array([getattr(row, field.name) for row in rows], type=field.type) for field in schema]
    content = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), content)
    return content.getvalue()
