"""How far a pipeline has come, from its counters alone."""

from typing import cast
from uuid import UUID

import msgspec

from shared.domain.item import ItemState
from shared.domain.phases import PHASES
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("progress")
_WAITING = "waiting."


class PhaseProgress(msgspec.Struct, frozen=True):
    """Items of a phase by state."""

    phase: str
    planned: int
    """Items there are so far; a phase further down finds more while its upstream works."""
    pending: int
    processing: int
    completed: int
    failed: int
    skipped: int
    waiting: dict[str, int]
    """Of the pending ones: those not due yet, by reason."""
    calls: int
    """Calls that ended, whatever their outcome."""
    from_store: int
    """Completed without a call."""
    degraded: int
    """Completed with less than was asked for."""
    units: int | None
    """Charged by the provider; None when nothing was counted."""


async def phase_progress(conn: Connection, pipeline_id: UUID) -> list[PhaseProgress]:
    """The phases of a pipeline, in the order of the work; empty for an unknown pipeline."""
    cursor = await conn.execute(_SQL["sum_counters"], {"pipeline_id": pipeline_id})
    sums: dict[str, dict[str, int]] = {}
    for phase, name, total in cast("list[tuple[str, str, int]]", await cursor.fetchall()):
        sums.setdefault(phase, {})[name] = total
    order = [*PHASES, *sorted(sums.keys() - PHASES.keys())]
    return [_progress(phase, sums[phase]) for phase in order if phase in sums]


def _progress(phase: str, sums: dict[str, int]) -> PhaseProgress:
    states = {state.value: sums.get(state, 0) for state in ItemState}
    waiting = {name.removeprefix(_WAITING): n for name, n in sums.items() if name.startswith(_WAITING) and n}
    return PhaseProgress(
        phase=phase,
        planned=sum(states.values()),
        **states,
        waiting=waiting,
        calls=sums.get("calls", 0),
        from_store=sums.get("from_store", 0),
        degraded=sums.get("degraded", 0),
        units=sums.get("units"),
    )
