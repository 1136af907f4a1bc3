"""A pipeline once more: a phase done again, a clone with other settings; and its deletion."""

import asyncio
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from services.gateway.actor import AnyRequest, actor_of, asked_reason, is_dry_run
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.pipelines import schemas
from services.gateway.pipelines.beginning import begin, read
from services.gateway.security import DRY_RUNS, needs
from services.gateway.service_names import check_phase
from shared import log
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.domain.takeover import overridden
from shared.errors import InputError, NotFoundError, Problem
from shared.store.control import Act
from shared.store.deletion import begin_deletion, go_on_deleting
from shared.store.phase_restart import restart_phase
from shared.store.pipelines import get_pipeline
from shared.store.pool import Connection
from shared.store.progress import phase_progress

_log = log.get(__name__)


class Overrides(msgspec.Struct, frozen=True):
    """Fields of a start's body that are to be other than the earlier pipeline's; the other fields are as there."""

    config: dict[str, Any] = {}


class LifetimeController(Controller):
    """/api/v1/pipeline/{pipeline_id}"""

    path = "/pipeline/{pipeline_id:uuid}"
    tags = ("pipelines",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @post("/phases/{phase:str}/restart", operation_id="restartPhase", status_code=200, opt=DRY_RUNS, summary="Do a phase again.")  # fmt: skip
    async def restart(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        phase: FromPath[str],
    ) -> Response[schemas.RestartedPhase]:
        """What only its results had named is found anew. 409 unless the pipeline is paused or has ended."""
        try:
            check_phase(phase)
        except ValueError as error:
            raise NotFoundError(f"there is no such phase: it {error}") from None
        body = decode(await request.body() or b"{}", schemas.RestartRequest)
        act = Act(actor_of(request, body.actor), body.reason)

        async def record(conn: Connection) -> schemas.RestartedPhase:
            done = await restart_phase(conn, pipeline_id, phase, act, rebuy=body.rebuy)
            if not body.dry_run:
                _log.info("phase_restarted", pipeline_id=str(pipeline_id), phase=phase, actor=act.actor)
            return schemas.RestartedPhase(
                pipeline_id,
                "running",
                phase,
                **msgspec.structs.asdict(done),
                links=schemas.links(pipeline_id),
                dry_run=body.dry_run,
            )

        return await once(request, gateway, record, dry_run=body.dry_run)

    @post("/clone", operation_id="clonePipeline", summary="Start another pipeline with the same configuration.")  # fmt: skip
    async def clone(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> Response[schemas.Started]:
        """But for the fields given. It takes nothing over; stored facts answer as long as they are fresh."""
        body = await request.body() or b"{}"

        async def record(conn: Connection) -> schemas.Started:
            earlier = await get_pipeline(conn, pipeline_id)
            frozen = await read(gateway, await asyncio.to_thread(overridden, body, earlier.config))
            if frozen.config.resume_from_pipeline_id:
                raise InputError(
                    Problem("/config/resume_from_pipeline_id", "a clone takes nothing over; that is `start`")
                )
            return await begin(conn, gateway, frozen, act=Act(actor_of(request)))

        return await once(request, gateway, record, status=201, location=lambda started: started.links.itself)

    @delete("/", operation_id="deletePipeline", status_code=200, opt=DRY_RUNS, summary="Delete a pipeline that has ended.")  # fmt: skip
    async def delete(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        reason: FromQuery[str] = "",
        dry_run: FromQuery[Literal["true", "false"]] = "false",  # noqa: ARG002  read where the audit log reads it
    ) -> schemas.Deleted:
        """In parts; housekeeping ends what is broken off. What was bought stays, and what was paid. 409 while it runs."""
        act = Act(actor_of(request), asked_reason(reason))
        if is_dry_run(request):
            async with gateway.rehearsal() as conn:
                phases = await phase_progress(conn, pipeline_id)
                await begin_deletion(conn, pipeline_id, act)
            return schemas.Deleted(pipeline_id, sum(phase.planned for phase in phases), dry_run=True)
        async with gateway.unit_of_work() as conn:
            await begin_deletion(conn, pipeline_id, act)
        deleted = await go_on_deleting(gateway.pool, pipeline_id)
        if deleted.ended:  # else housekeeping has a part in hand, and says so
            _log.info("pipeline_deleted", pipeline_id=str(pipeline_id), items=deleted.items, actor=act.actor)
        return schemas.Deleted(pipeline_id, deleted.items, dry_run=False)
