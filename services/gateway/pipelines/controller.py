"""Start a pipeline, list pipelines, look at one, audit it."""

import asyncio
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.pipelines import schemas
from services.gateway.pipelines.beginning import begin, find_earlier, read
from services.gateway.pipelines.listing import State, condition_of, cursor_of
from services.gateway.security import needs
from shared.domain.scope import Scope
from shared.domain.takeover import predecessor
from shared.store.audit import Audit, audit, tell_audit
from shared.store.audits import get_latest_audit
from shared.store.control import Act
from shared.store.pipelines import get_pipeline, list_pipelines
from shared.store.pool import Connection
from shared.store.schedules import find_starter

#: Pipelines in one answer.
LIMIT = 200


class PipelineController(Controller):
    """/api/v1/pipeline"""

    path = "/pipeline"
    tags = ("pipelines",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @post(
        "/start", operation_id="startPipeline", summary="Start a pipeline; all of it is recorded, or nothing."
    )
    async def start(
        self, request: AnyRequest, gateway: NamedDependency[Gateway]
    ) -> Response[schemas.Started]:
        """Buy nothing yet: the items are due from now on, and the workers take them."""
        body = await request.body()
        resumes = await asyncio.to_thread(predecessor, body) is not None
        # What is wrong with it is said before the store is asked.
        frozen = None if resumes else await read(gateway, body)

        async def record(conn: Connection) -> schemas.Started:
            if frozen:
                return await begin(conn, gateway, frozen, act=Act(actor_of(request)))
            earlier = await find_earlier(conn, body)
            whole = await read(gateway, body, earlier)
            return await begin(conn, gateway, whole, earlier=earlier, act=Act(actor_of(request)))

        return await once(request, gateway, record, status=201, location=lambda started: started.links.itself)

    @get("/", operation_id="listPipelines", summary="Pipelines, the newest first.")
    async def list_newest(
        self,
        *,
        gateway: NamedDependency[Gateway],
        in_state: Annotated[list[State] | None, QueryParameter(description="Any of these.")] = None,
        name: Annotated[str | None, QueryParameter(max_length=200)] = None,
        since: Annotated[str | None, QueryParameter(max_length=40)] = None,
        until: Annotated[str | None, QueryParameter(max_length=40)] = None,
        cursor: Annotated[str | None, QueryParameter(max_length=100)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> schemas.PipelinePage:
        """By state, part of the company's name, and when they were started. Read from counters: cheap whatever their size."""
        condition = condition_of(in_state, name, since, until, cursor)
        async with gateway.connection() as conn:
            found = await list_pipelines(conn, limit, condition)
        rows = [schemas.summary(row) for row in found]
        return schemas.PipelinePage(rows, cursor_of(found[-1]) if len(found) == limit else None)

    @get(
        "/{pipeline_id:uuid}",
        operation_id="getPipeline",
        summary="One pipeline with its frozen configuration.",
    )
    async def detail(self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]) -> schemas.Detail:
        """404 when there is none."""
        async with gateway.connection() as conn:
            pipeline = await get_pipeline(conn, pipeline_id)
            return schemas.detail(pipeline, await find_starter(conn, pipeline_id))

    @get(
        "/{pipeline_id:uuid}/audit",
        operation_id="auditPipeline",
        summary="Does its record prove what it claims?",
    )
    async def audit(
        self,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        *,
        latest: FromQuery[bool] = False,
    ) -> Audit:
        """Reads everything there is of the pipeline; a big one takes seconds. With `latest` the latest one that was made on
        schedule, 404 when there is none.
        """
        async with gateway.connection() as conn:
            if latest:
                return await get_latest_audit(conn, pipeline_id)
            found = await audit(conn, pipeline_id)
            if not found.passed:
                await tell_audit(conn, found)
        return found
