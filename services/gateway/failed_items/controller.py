"""A pipeline's failed items: by phase and category, and their second chance."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dead_letters.copies import renew_copies
from services.gateway.dead_letters.schemas import selection_from_query
from services.gateway.dependencies import Gateway
from services.gateway.failed_items import schemas
from services.gateway.operations.beginning import done_or_begun
from services.gateway.security import DRY_RUNS, needs
from services.gateway.service_names import QUEUES
from shared import log
from shared.domain.phases import PHASES
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store.failed_items import count_failed_items, list_failed_items, reset_failed_items
from shared.store.operations import Operation, Retry, begin_retry
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection
from shared.store.snapshot import snapshot

_log = log.get(__name__)

#: Items in one answer.
LIMIT: Final = 200


class FailedItemController(Controller):
    """/api/v1/monitoring/pipeline/{pipeline_id}"""

    path = "/monitoring/pipeline/{pipeline_id:uuid}"
    tags = ("monitoring",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_DEAD_LETTERS)

    @get("/failed-items", operation_id="listFailedItems", summary="What ended without a result, and why.")
    async def list_failed(
        self,
        *,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        phase: FromQuery[str | None] = None,
        category: FromQuery[str | None] = None,
        cursor: Annotated[int, QueryParameter(ge=0, le=2**63 - 1)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> schemas.FailedPage:
        """Failed items and those given up, oldest first, with how many there are of each kind."""
        wanted = selection_from_query(phase=phase, category=category)
        async with gateway.connection() as conn, snapshot(conn):
            items = await list_failed_items(
                conn, pipeline_id, phase=wanted.phase, category=wanted.category, after=cursor, limit=limit
            )
            groups = await count_failed_items(conn, pipeline_id, phase=wanted.phase, category=wanted.category)
        next_cursor = items[-1].item_id if len(items) == limit else None
        return schemas.FailedPage(pipeline_id, groups, items, next_cursor)

    @post(
        "/retry-failed",
        operation_id="retryFailed",
        status_code=200,
        opt=DRY_RUNS,
        summary="Give failed items another chance.",
    )
    async def retry(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> Response[schemas.RetriedItems]:
        """Whatever they failed for. An ended pipeline goes on, and its figures are computed anew; 409 when cancelled.

        More than 5,000 become an operation, which goes on by itself: 202.
        """
        body = decode(await request.body() or b"{}", schemas.RetryFailedRequest)
        actor = actor_of(request, body.actor)
        if body.dry_run:
            async with gateway.connection() as conn:
                await get_pipeline_state(conn, pipeline_id)
                groups = await count_failed_items(conn, pipeline_id, phase=body.phase, category=body.category)
            count = min(sum(group.items for group in groups), body.max or schemas.MOST)
            return Response(schemas.RetriedItems(pipeline_id, count, dry_run=True))

        async def begin(conn: Connection) -> Operation | None:
            retry = Retry(pipeline_id, body.phase, body.category, body.max)
            return await begin_retry(conn, retry, actor=actor, reason=body.reason)

        async def reset() -> schemas.RetriedItems:
            items = await reset_failed_items(
                gateway.pool,
                pipeline_id,
                phase=body.phase,
                category=body.category,
                most=body.max,
                actor=actor,
                reason=body.reason,
            )
            if items:
                _log.info("failed_items_retried", pipeline_id=str(pipeline_id), items=items, actor=actor)
                await renew_copies(gateway, [PHASES[body.phase].queue] if body.phase else QUEUES)
            return schemas.RetriedItems(pipeline_id, items, dry_run=False)

        return await done_or_begun(request, gateway, begin, reset)
