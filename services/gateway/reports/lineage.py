"""Where a cell of the report comes from: curve, configuration and the stored answers it was made of."""

import asyncio
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from services.gateway.dependencies import Gateway
from services.gateway.reports.reading import Reading, read
from services.gateway.security import needs
from shared.domain.basis import Basis
from shared.domain.lineage import CONFIGURATION, evidence, items
from shared.domain.report_columns import Table, columns
from shared.domain.scope import Scope
from shared.domain.strict_json import nearest
from shared.errors import InputError, Problem
from shared.store.lineage import Source, list_sources

#: Sources of one answer; `offset` goes on from there.
PAGE: Final = 200


class Origin(msgspec.Struct, frozen=True):
    """What a cell rests on."""

    table: str
    column: str
    evidence: tuple[str, ...]
    """Phases, and `configuration` where a part is from the start of the pipeline or said by a person."""
    curve: str
    """Id and version of the click curve."""
    items: dict[str, int]
    """How many by phase."""
    oldest: datetime | None
    """Of the sources in this answer."""
    sources: list[Source]
    next_offset: int | None
    """Null: these are the last."""


class LineageController(Controller):
    """/api/v1/pipeline/{pipeline_id}/report/lineage"""

    path = "/pipeline/{pipeline_id:uuid}/report/lineage"
    tags = ("reports",)
    opt = needs(reads=Scope.READ_REPORTS)

    @get(
        "",
        operation_id="getLineage",
        summary="The stored answers a figure of the report was made of, with the calls that bought them.",
    )
    async def lineage(  # noqa: PLR0917  Litestar passes them by name
        self,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        table: FromQuery[Table],
        column: FromQuery[str],
        row: FromQuery[str] = "{}",
        offset: FromQuery[int] = 0,
        answers: FromQuery[bool] = False,
    ) -> Origin:
        """`row` is the row as JSON, or what tells it from the others, as in {"company": "acme.com", "region": "US",
        "content_type": "organic"}. With `answers`, the stored answers come along.
        """
        if column not in columns(table):
            detail = f"{column[:60]!r} is no column of {table}; {nearest(column, tuple(columns(table)))}"
            raise InputError(Problem("?column", detail))
        wanted = _row(row)
        async with gateway.connection() as conn:
            reading = await read(conn, pipeline_id)
            basis, found = await asyncio.to_thread(_items, reading, table, column, wanted)
            sources: list[Source] = []
            flat = [(phase, key) for phase, keys in found.items() for key in keys]
            chosen = flat[max(0, offset) : max(0, offset) + PAGE]
            for phase in found:
                keys = [key for of, key in chosen if of == phase]
                if keys:
                    sources += await list_sources(conn, pipeline_id, phase, keys, answers=answers)
        more = max(0, offset) + PAGE
        return Origin(
            table=table,
            column=column,
            evidence=evidence(table, column),
            curve=f"{basis.curve.id} {basis.curve.version}",
            items={phase: len(keys) for phase, keys in found.items()}
            | ({CONFIGURATION: 1} if CONFIGURATION in evidence(table, column) else {}),
            oldest=min((source.fetched_at for source in sources), default=None),
            sources=sources,
            next_offset=more if more < len(flat) else None,
        )


def _row(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InputError(Problem("?row", f"is no JSON object: {error}")) from None


def _items(
    reading: Reading, table: Table, column: str, row: dict[str, Any]
) -> tuple[Basis, dict[str, list[str]]]:
    basis = Basis(reading.rows, reading.pipeline.config)
    return basis, items(basis, reading.rows, table, column, row)
