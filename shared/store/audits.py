"""Audits on a schedule: which pipeline is due for one, and what they have found."""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.errors import NotFoundError
from shared.store import queries
from shared.store.audit import Audit, Check, Cost
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("audits")

#: Audits of a pipeline that are kept.
KEPT: Final = 20
#: Failed ones that health names.
NAMED: Final = 20


class FailedAudit(msgspec.Struct, frozen=True):
    """A pipeline whose record contradicts itself."""

    pipeline_id: UUID
    detail: str
    """The checks that failed."""
    audited_at: datetime


async def find_audit_due(conn: Connection, every_seconds: float) -> tuple[UUID, str] | None:
    """(pipeline, its state) to be audited next."""
    cursor = await conn.execute(_SQL["find_audit_due"], {"every": every_seconds})
    return cast("tuple[UUID, str] | None", await cursor.fetchone())


async def count_items(conn: Connection, pipeline_id: UUID) -> int:
    """From counters."""
    cursor = await conn.execute(_SQL["sum_items"], {"pipeline_id": pipeline_id})
    return cast("tuple[int]", await cursor.fetchone())[0]


async def save_audit(conn: Connection, found: Audit, seconds: float) -> bool:
    """Write down what was found; False when the pipeline has been deleted meanwhile."""
    failed = [f"{check.name}: {check.detail}" for check in found.checks if not check.passed]
    return await _insert(
        conn,
        found.pipeline_id,
        state=found.state,
        passed=found.passed,
        detail="; ".join(failed) or "nothing lost, nothing contradicts the record",
        checks=rows(found.checks),
        costs=rows(found.costs),
        seconds=seconds,
    )


async def skip_audit(conn: Connection, pipeline_id: UUID, state: str, why: str, seconds: float = 0.0) -> None:
    """Write down that there was none, so that others have their turn."""
    await _insert(
        conn, pipeline_id, state=state, passed=None, detail=why, checks="[]", costs="[]", seconds=seconds
    )


async def get_latest_audit(conn: Connection, pipeline_id: UUID) -> Audit:
    """The latest on record. Raises NotFoundError for an unknown pipeline, and when there is none."""
    await get_pipeline_state(conn, pipeline_id)
    cursor = await conn.execute(_SQL["find_latest_audit"], {"pipeline_id": pipeline_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(
            f"no audit of pipeline {pipeline_id} is on record yet; without ?latest it is audited now"
        )
    state, passed, checks, costs, audited_at = cast("tuple[str, bool, Any, Any, datetime]", row)
    return Audit(
        pipeline_id,
        state,
        passed,
        msgspec.convert(checks, list[Check]),
        msgspec.convert(costs, list[Cost]),
        audited_at,
    )


async def find_failed_audits(conn: Connection) -> list[FailedAudit]:
    """Pipelines whose latest audit of the last day has failed, the newest first."""
    cursor = await conn.execute(_SQL["find_failed_audits"], {"limit": NAMED})
    return [FailedAudit(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def _insert(conn: Connection, pipeline_id: UUID, **values: Any) -> bool:
    cursor = await conn.execute(_SQL["insert_audit"], {"pipeline_id": pipeline_id, "keep": KEPT, **values})
    return cursor.rowcount == 1
