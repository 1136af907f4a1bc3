"""Doing a phase again: its items are due, and what only their results had named is found anew."""

from typing import Any, cast
from uuid import UUID

import msgspec

from shared.domain.phases import CLOSING
from shared.errors import ConflictError, InputError, Problem
from shared.store import control, queries
from shared.store.checkpoints import lock_pipeline, remove_unnamed
from shared.store.control import Act
from shared.store.pipelines import get_pipeline
from shared.store.pool import Connection

_SQL = queries.load("phase_restart")


class Restarted(msgspec.Struct, frozen=True):
    """What came of it."""

    set_back: int
    """Items that are due again, figures included."""
    removed: int
    """Items of later phases that only these results had named."""
    facts_expired: int
    checkpoints_removed: int


async def restart_phase(
    conn: Connection,
    pipeline_id: UUID,
    phase: str,
    act: Act,
    *,
    rebuy: bool = False,
) -> Restarted:
    """Let a phase of a paused or ended pipeline be done again, all of it. One transaction, the caller's.

    Stored facts answer again unless `rebuy` has them bought anew. Raises NotFoundError, InputError when the pipeline
    has no such phase, ConflictError when it is in no state for it or nothing of the phase has ended.
    """
    await control.expect_many(conn)
    state, unsettled, _ = await lock_pipeline(conn, pipeline_id)
    if state not in control.ALLOWED["restart_phase"] or unsettled:
        raise ConflictError(control.refusal(pipeline_id, "restart_phase", state, unsettled=unsettled))
    if phase not in (await get_pipeline(conn, pipeline_id)).config.phases or phase in CLOSING:
        raise InputError(Problem("", f"pipeline {pipeline_id} has no phase {phase} that can be restarted"))
    await control.withdraw_jobs(conn, [str(pipeline_id)])
    if held := await control.count_held_jobs(conn, pipeline_id):
        raise ConflictError(f"{held} jobs of pipeline {pipeline_id} still end; ask again in a moment")
    parameters: dict[str, Any] = {"pipeline_id": pipeline_id, "phase": phase}
    ended = await control.fetch_ids(conn, _SQL["list_ended"], parameters)
    if not ended:
        raise ConflictError(f"nothing of {phase} is to be done again in pipeline {pipeline_id}")
    parameters["item_ids"] = ended
    expired = await _number(conn, "expire_facts_of_items", parameters) if rebuy else 0
    set_back = await control.set_back(
        conn, pipeline_id, {*ended, *await control.find_figures(conn, pipeline_id)}
    )
    removed = await remove_unnamed(conn, pipeline_id)
    voided = await _number(conn, "void_checkpoints", parameters)
    restarted = Restarted(set_back, removed, expired, voided)
    await control.change(conn, pipeline_id, "restart_phase", "running")
    detail = {"phase": phase, "rebuy": rebuy}
    await control.note(conn, pipeline_id, "restart_phase", act, **detail, **msgspec.structs.asdict(restarted))
    return restarted


async def _number(conn: Connection, query: str, parameters: dict[str, Any]) -> int:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]
