"""One pipeline: its items by phase and state, why they wait, what it costs, what was done to it and what can be."""

import asyncio
from typing import Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.wording import parsed

STATES: Final = ("pending", "processing", "completed", "failed", "skipped")
#: Checkpoints that are listed, and drawn.
_CHECKPOINTS: Final = 100
_ACTIONS: Final = 10
#: Points a line needs.
_LINE: Final = 3


@get("/pipelines/{pipeline_id:uuid}", include_in_schema=False)
async def show(visit: NamedDependency[Visit], pipeline_id: FromPath[UUID]) -> Response[bytes]:
    """Counters only, whatever its size; items are read once, for why those that failed did, and not when it is renewed."""
    path, monitoring = f"/pipeline/{pipeline_id}", f"/monitoring/pipeline/{pipeline_id}"
    progress, why, budget, checkpoints, actions, letters = await asyncio.gather(
        visit.api.get(f"{monitoring}/progress"),
        visit.api.get(f"{path}/why"),
        visit.api.get(f"{path}/budget"),
        visit.api.get(f"{path}/checkpoints"),
        visit.api.get(f"{path}/actions"),
        visit.api.get("/dead-letters/groups", pipeline_id=str(pipeline_id)),
    )
    phases = progress["phases"]
    failed: list[Any] = []
    if not visit.is_renewal and any(phase["failed"] or phase["skipped"] for phase in phases):
        failed = (await visit.api.get(f"{monitoring}/failed-items", limit=1))["groups"]
    newest = checkpoints["items"][:_CHECKPOINTS]
    return visit.page(
        "pipeline.html",
        pipeline=progress,
        states=STATES,
        phases=phases,
        total={state: sum(phase[state] for phase in phases) for state in (*STATES, "planned")},
        reasons=sorted({reason for phase in phases for reason in phase["waiting"]}),
        budget=budget,
        checkpoints=newest,
        line=_line(progress["created_at"], newest),
        actions=actions["items"][:_ACTIONS],
        failed=failed,
        letters=letters["groups"],
        why=why,
    )


def _line(began: str, newest: list[Any]) -> list[tuple[float, int]]:
    """(seconds since the start, items completed) at each checkpoint, oldest first; empty when there are too few."""
    start = parsed(began)
    points = [((parsed(c["created_at"]) - start).total_seconds(), c["completed"]) for c in reversed(newest)]
    return [(0.0, 0), *points] if len(points) + 1 >= _LINE else []
