"""Pause, unpause, cancel and resume a pipeline, and see what was done to it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.pipelines import schemas
from services.gateway.security import DRY_RUNS, needs
from shared import log
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store import control
from shared.store.control import Act
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection
from shared.store.progress import phase_progress

_log = log.get(__name__)


class ControlController(Controller):
    """/api/v1/pipeline/{pipeline_id}"""

    path = "/pipeline/{pipeline_id:uuid}"
    tags = ("pipelines",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @post("/pause", operation_id="pausePipeline", status_code=200, opt=DRY_RUNS, summary="Start no more calls for now.")  # fmt: skip
    async def pause(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> schemas.Steered:
        """Within two seconds. Calls in flight end and are recorded. 409 unless it is running."""
        return await _steer(request, gateway, pipeline_id, control.pause)

    @post("/unpause", operation_id="unpausePipeline", status_code=200, opt=DRY_RUNS, summary="Go on after a pause.")  # fmt: skip
    async def unpause(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> schemas.Steered:
        """At once. 409 unless it is paused."""
        return await _steer(request, gateway, pipeline_id, control.unpause)

    @post("/cancel", operation_id="cancelPipeline", status_code=200, opt=DRY_RUNS, summary="End a pipeline before its time.")  # fmt: skip
    async def cancel(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> schemas.Steered:
        """Calls in flight end and are recorded; everything else is skipped. What is completed stays. 409 when it has ended."""
        steered = await _steer(request, gateway, pipeline_id, control.cancel)
        if not steered.dry_run:
            await control.settle(gateway.pool, pipeline_id)
        return steered

    @post("/resume", operation_id="resumePipeline", status_code=200, opt=DRY_RUNS, summary="Go on with an ended pipeline.")  # fmt: skip
    async def resume(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> Response[schemas.Resumed]:
        """By its frozen configuration.

        Failed items, and unless told otherwise given-up and cancelled ones, are due
        again. 409 when it is running, or nothing is left to do.
        """
        body = decode(await request.body() or b"{}", schemas.ResumeRequest)
        act = Act(actor_of(request, body.actor), body.reason)

        async def record(conn: Connection) -> schemas.Resumed:
            items = await control.resume_pipeline(
                conn, pipeline_id, resume_failed_only=body.resume_failed_only, act=act
            )
            if not body.dry_run:
                _log.info("pipeline_resumed", pipeline_id=str(pipeline_id), items=items, actor=act.actor)
            return schemas.Resumed(
                pipeline_id, "running", items, schemas.links(pipeline_id), dry_run=body.dry_run
            )

        return await once(request, gateway, record, dry_run=body.dry_run)

    @get("/actions", operation_id="listPipelineActions", summary="What operators did to a pipeline.")
    async def actions(
        self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> schemas.ActionPage:
        """The newest hundred: who, when, why, and what it came to."""
        async with gateway.connection() as conn:
            await get_pipeline_state(conn, pipeline_id)
            return schemas.ActionPage(await control.list_actions(conn, pipeline_id))


async def _steer(
    request: AnyRequest,
    gateway: Gateway,
    pipeline_id: UUID,
    steer: Callable[[Connection, UUID, Act], Awaitable[None]],
) -> schemas.Steered:
    body = decode(await request.body() or b"{}", schemas.SteerRequest)
    act = Act(actor_of(request, body.actor), body.reason)
    async with gateway.rehearsal() if body.dry_run else gateway.unit_of_work() as conn:
        await steer(conn, pipeline_id, act)
        pipeline = await get_pipeline_state(conn, pipeline_id)
        phases = await phase_progress(conn, pipeline_id)
    if not body.dry_run:
        _log.info("pipeline_steered", pipeline_id=str(pipeline_id), to=pipeline.state, actor=act.actor)
    still_open = sum(phase.pending + phase.processing for phase in phases)
    return schemas.Steered(
        pipeline_id, pipeline.state, still_open, schemas.links(pipeline_id), dry_run=body.dry_run
    )
