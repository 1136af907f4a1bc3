"""Lineage: the stored answers that completed items rest on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("lineage")
_Row = tuple[str, str, str, str, str, str, datetime, str | None]


class Source(msgspec.Struct, frozen=True):
    """A stored answer behind an item."""

    phase: str
    key: str
    """Of the item."""
    fact_key: str
    call_id: str
    """The call that bought it, in the ledger."""
    provider: str
    endpoint: str
    subject: str
    fetched_at: datetime
    answer: Any = None
    """As stored, where it was asked for. Null: not asked for, or the provider does not know the subject."""


async def list_sources(
    conn: Connection, pipeline_id: UUID, phase: str, keys: Sequence[str], *, answers: bool = False
) -> list[Source]:
    """Of these items of a phase, by key; an item without a stored answer is not in it."""
    cursor = await conn.execute(
        _SQL["select_sources"],
        {"pipeline_id": pipeline_id, "phase": phase, "keys": list(keys), "answers": answers},
    )
    found = cast("list[_Row]", await cursor.fetchall())
    return [Source(phase, *row[:7], None if row[7] is None else msgspec.json.decode(row[7])) for row in found]
