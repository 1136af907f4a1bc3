"""A new pipeline takes over what an earlier one has completed: results with their lineage, and what they found."""

from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.domain.phases import CLOSING, PHASES, NewItem, Phase, feeding, found_in
from shared.domain.pipeline import PipelineConfig
from shared.domain.takeover import kept_phases, unknown
from shared.store import control, queries
from shared.store.audit_keys import results_of
from shared.store.control import Act
from shared.store.outcomes import insert_found
from shared.store.pipelines import Pipeline
from shared.store.pool import Connection

_SQL = queries.load("takeover")

#: Items inserted at once.
_BLOCK: Final = 5000


class TakenOver(msgspec.Struct, frozen=True):
    """What a new pipeline begins with."""

    completed: int
    left_out: int
    """Items that are skipped because they had not failed."""


async def take_over(
    conn: Connection, pipeline_id: UUID, config: PipelineConfig, earlier: Pipeline, act: Act
) -> TakenOver:
    """Complete what the earlier pipeline has completed, phase by phase. One transaction, the starter's own.

    What changed with the configuration is left to be done: the fact store answers it where it can. Raises InputError
    when somebody has deleted the earlier one.
    """
    pair: dict[str, Any] = {"pipeline_id": pipeline_id, "earlier": earlier.pipeline_id}
    if await (await conn.execute(_SQL["lock_earlier"], pair)).fetchone() is None:
        raise unknown(earlier.pipeline_id)
    await control.expect_many(conn)
    kept, completed = kept_phases(earlier.config, config), 0
    finding = {phase.name for phase in feeding(config.phases)}
    for (
        phase
    ) in PHASES.values():  # in the order of the work: later phases' items are found in the earlier ones'
        if phase.name not in kept:
            continue
        completed += await _number(
            conn, "copy_results", **pair, phase=phase.name, found=phase.find is not None
        )
        if phase.name in finding:
            await _insert_found(conn, pipeline_id, config, phase)
    left_out = 0
    if config.resume_failed_only:
        left_out = await _number(conn, "leave_out", **pair, closing=list(CLOSING))
    taken = TakenOver(completed, left_out)
    await control.note(
        conn, pipeline_id, "takeover", act, earlier=str(earlier.pipeline_id), **msgspec.structs.asdict(taken)
    )
    return taken


async def _insert_found(conn: Connection, pipeline_id: UUID, config: PipelineConfig, phase: Phase) -> None:
    found: dict[tuple[str, str], NewItem] = {}
    async for key, result in results_of(conn, pipeline_id, phase):
        for item in found_in(phase.name, key, result, config.rules):
            known = found.get((item.phase, item.key))
            if known is None or known.value < item.value:
                found[item.phase, item.key] = item
    items = [found[key] for key in sorted(found)]
    for n in range(0, len(items), _BLOCK):
        await insert_found(conn, pipeline_id, items[n : n + _BLOCK])


async def _number(conn: Connection, query: str, **parameters: Any) -> int:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]
