"""The report from what is kept of it; computed by one for all who ask at once, and kept, where nothing that fits is there."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from services.gateway.reports import parts
from services.gateway.reports.reading import build, curve_of, read
from services.gateway.reports.reading import render as compute
from services.gateway.reports.wanted import Wanted
from shared.domain.curves import OwnCurve
from shared.domain.report_keeping import answers
from shared.store.kept_reports import KeptReport, Marks, find_kept, find_marks, keep_report
from shared.store.pool import Connection, Passing

Connect = Callable[[], AbstractAsyncContextManager[Connection]]

#: Whose turn it is to compute, by pipeline; here, in this process.
_turns: Final[WeakValueDictionary[UUID, asyncio.Lock]] = WeakValueDictionary()


async def answer(connect: Connect, pipeline_id: UUID, wanted: Wanted) -> bytes:
    """The report in its form. Raises NotFoundError for an unknown pipeline; else as `reading.render`.

    What is to be published, and what is by a reader's own curve, is computed each time and not kept.
    """
    if wanted.publish or isinstance(wanted.curve, OwnCurve):
        async with connect() as conn:
            reading = await read(conn, pipeline_id, wanted.against)
        return await asyncio.to_thread(compute, reading, wanted)
    if (kept := await _find(connect, pipeline_id, wanted)) is not None:
        return await asyncio.to_thread(parts.render, kept.parts, wanted)
    async with _turns.setdefault(pipeline_id, asyncio.Lock()):
        kept = await _find(connect, pipeline_id, wanted) or await _make(connect, pipeline_id, wanted)
    return await asyncio.to_thread(parts.render, kept.parts, wanted)


async def _find(connect: Connect, pipeline_id: UUID, wanted: Wanted) -> KeptReport | None:
    async with connect() as conn:
        marks = await _marks(conn, pipeline_id, wanted)
        kept = await find_kept(conn, pipeline_id, _variant(marks, wanted), parts.needed(wanted))
    serves = kept is not None and answers(
        same=kept.basis == _basis(marks),
        ended=all(mark is None or mark.ended for mark in marks),
        seconds=kept.seconds,
        made_at=kept.made_at,
        now=datetime.now(UTC),
    )
    return kept if serves else None


async def _make(connect: Connect, pipeline_id: UUID, wanted: Wanted) -> KeptReport:
    began = time.monotonic()
    async with connect() as conn:
        before = await _marks(conn, pipeline_id, wanted)
        reading = await read(conn, pipeline_id, wanted.against)
    report = await asyncio.to_thread(build, reading, wanted)
    made = KeptReport(
        _variant(reading.marks, wanted),
        _basis(reading.marks),
        report.meta.generated_at,
        time.monotonic() - began,
        await asyncio.to_thread(parts.split, report),
    )
    # The pipeline's state is read before the rows are: it is theirs only if nothing has changed in between.
    if before == reading.marks:
        with suppress(*Passing):  # a full disk keeps nothing, and the report is there all the same
            async with connect() as conn, conn.transaction():
                await keep_report(conn, pipeline_id, made)
    return made


async def _marks(conn: Connection, pipeline_id: UUID, wanted: Wanted) -> tuple[Marks | None, ...]:
    asked = (pipeline_id,) if wanted.against is None else (pipeline_id, wanted.against)
    return tuple([await find_marks(conn, one) for one in asked])


def _variant(marks: tuple[Marks | None, ...], wanted: Wanted) -> str:
    """What was asked for, what people say, whether it is final, and the code that answers. Raises InputError for an unknown curve."""
    curve = curve_of(wanted)
    # By whether it has ended, too: once it works again, the report of its end does not stand in for the next one.
    said = [(mark.said, mark.ended) if mark else None for mark in marks]
    return _hash(parts.CODE, curve.id if curve else None, str(wanted.against), said)


def _basis(marks: tuple[Marks | None, ...]) -> str:
    return _hash([mark.done if mark else None for mark in marks])


def _hash(*given: object) -> str:
    return hashlib.sha256(msgspec.json.encode(given)).hexdigest()
