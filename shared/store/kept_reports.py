"""Reports that were computed and are kept in parts, each under what was asked for and what it rests on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("kept_reports")

#: Kinds of reports that are kept of one pipeline: by its own curve, by others, against earlier pipelines.
KINDS: Final = 6
#: A report that is older is made again for whoever asks.
DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Marks:
    """Hashes that change whenever a report of the pipeline may."""

    said: str
    """What people say: whose domains are, which gates are waived."""
    done: str
    """How far the pipeline has come."""
    ended: bool


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as it was computed."""

    variant: str
    """Hash of what was asked for, of what people say and of the code."""
    basis: str
    """Hash of how far the pipelines had come."""
    made_at: datetime
    seconds: float
    """That it took."""
    parts: Mapping[str, bytes]
    """By name, compressed."""


async def find_marks(conn: Connection, pipeline_id: UUID) -> Marks | None:
    """From counters and small tables, in a time that does not grow with the items. None: no such pipeline."""
    cursor = await conn.execute(_SQL["select_marks"], {"pipeline_id": pipeline_id})
    row = cast("tuple[str, str, bool] | None", await cursor.fetchone())
    return Marks(*row) if row else None


async def find_kept(
    conn: Connection, pipeline_id: UUID, variant: str, parts: Collection[str]
) -> KeptReport | None:
    """With these parts only. None: it is not there as a whole."""
    parameters = {"pipeline_id": pipeline_id, "variant": variant, "parts": list(parts)}
    cursor = await conn.execute(_SQL["select_kept"], parameters)
    found = cast("list[tuple[str, datetime, float, str, bytes]]", await cursor.fetchall())
    if {part for *_, part, _ in found} != set(parts):
        return None
    basis, made_at, seconds, *_ = found[0]
    return KeptReport(variant, basis, made_at, seconds, {part: content for *_, part, content in found})


async def keep_report(conn: Connection, pipeline_id: UUID, kept: KeptReport) -> None:
    """All its parts, in place of what was kept of its kind. One transaction, the caller's. Nothing for a deleted pipeline."""
    named = {"pipeline_id": pipeline_id, "variant": kept.variant}
    cursor = await conn.execute(
        _SQL["upsert_kept"],
        {**named, "basis": kept.basis, "made_at": kept.made_at, "seconds": kept.seconds},
    )
    if await cursor.fetchone() is None:
        return
    for part, content in kept.parts.items():
        await conn.execute(_SQL["upsert_part"], {**named, "part": part, "content": content})
    await conn.execute(_SQL["delete_oldest_kept"], {"pipeline_id": pipeline_id, "kinds": KINDS})


async def delete_old_kept(conn: Connection) -> int:
    """Those that were made long ago, also by other code; how many parts."""
    return (await conn.execute(_SQL["delete_old_kept"], {"days": DAYS})).rowcount
