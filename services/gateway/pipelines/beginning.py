"""How a pipeline begins: a body becomes a configuration, is held against its budget, and is recorded as a whole."""

import asyncio
from uuid import UUID

from services.gateway import request_trace
from services.gateway.dependencies import Gateway
from services.gateway.pipelines import schemas
from services.gateway.planning.estimate import plan
from shared import log
from shared.domain.pipeline import Frozen, freeze
from shared.domain.start import parse
from shared.domain.takeover import predecessor, taken_over, unknown
from shared.errors import InputError, NotFoundError, Problem
from shared.store.control import Act
from shared.store.migrate import require_schema
from shared.store.pipelines import Pipeline, get_pipeline, initialize_pipeline
from shared.store.pool import Connection
from shared.store.takeover import take_over

_log = log.get(__name__)


async def find_earlier(conn: Connection, body: bytes) -> Pipeline | None:
    """The pipeline a start's body resumes from. Raises InputError when there is none of this id."""
    if (pipeline_id := await asyncio.to_thread(predecessor, body)) is None:
        return None
    try:
        return await get_pipeline(conn, pipeline_id)
    except NotFoundError:
        raise unknown(pipeline_id) from None


async def read(gateway: Gateway, body: bytes, earlier: Pipeline | None = None) -> Frozen:
    """What a start's body asks for; what it leaves out is as the earlier pipeline had it. Raises InputError."""

    def whole() -> Frozen:
        filled = taken_over(body, earlier.config, gateway.data_source) if earlier else body
        return freeze(parse(filled), gateway.data_source, gateway.services, gateway.model)

    # A million keywords take seconds; other requests are answered meanwhile.
    return await asyncio.to_thread(whole)


async def begin(
    conn: Connection, gateway: Gateway, frozen: Frozen, *, earlier: Pipeline | None = None, act: Act
) -> schemas.Started:
    """Record a pipeline that runs from now on. One transaction, the caller's.

    Raises InputError when the least it will cost is over its budget.
    """
    await require_schema(conn)
    if not earlier:  # what is taken over costs nothing, and is not foreseen
        await _refuse_over_budget(conn, gateway, frozen)
    pipeline_id: UUID = await initialize_pipeline(conn, frozen.config)
    request_trace.begun(pipeline_id)
    if earlier:
        await take_over(conn, pipeline_id, frozen.config, earlier, act)
    _log.info("pipeline_started", pipeline_id=str(pipeline_id), items=frozen.config.searches)
    return schemas.Started(
        pipeline_id=pipeline_id,
        state="running",
        items=frozen.config.searches,
        merged=frozen.merged,
        warnings=frozen.warnings,
        links=schemas.links(pipeline_id),
    )


async def _refuse_over_budget(conn: Connection, gateway: Gateway, frozen: Frozen) -> None:
    budget = frozen.config.budget
    if budget is None:
        return
    planned = await plan(conn, gateway.data_source, frozen.config)
    if planned.affordable is False and planned.money:
        detail = (
            f"the least it will cost is {planned.money.low:.2f}, expected are {planned.money.expected:.2f}, and the budget"
            f" is {budget:.2f}: raise it, or search less; POST /api/v1/pipeline/plan has the figures"
        )
        raise InputError(Problem("/config/budget", detail))
