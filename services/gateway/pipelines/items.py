"""A pipeline's items: a page of them, and one with all its attempts."""

from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, PathParameter, QueryParameter

from services.gateway.dead_letters.schemas import selection_from_query
from services.gateway.dependencies import Gateway
from services.gateway.security import needs
from shared.domain.scope import Scope
from shared.store.items import ItemDetail, ItemPage, get_item, list_items
from shared.store.snapshot import snapshot

#: Items in one answer.
LIMIT: Final = 200
State = Literal["pending", "processing", "completed", "failed", "skipped"]
ItemId = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]


class ItemController(Controller):
    """/api/v1/pipeline/{pipeline_id}/items"""

    path = "/pipeline/{pipeline_id:uuid}/items"
    tags = ("pipelines",)
    opt = needs(reads=Scope.READ_PIPELINES)

    @get("/", operation_id="listItems", summary="Items of a pipeline, by id.")
    async def list_page(
        self,
        *,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        phase: FromQuery[str | None] = None,
        in_state: FromQuery[State | None] = None,
        category: FromQuery[str | None] = None,
        cursor: Annotated[int, QueryParameter(ge=0, le=2**63 - 1)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> ItemPage:
        """By phase, state and category of the last error. A page may be short, or empty, before the last: go on while there is a cursor."""
        wanted = selection_from_query(phase=phase, category=category)
        async with gateway.connection() as conn:
            return await list_items(
                conn,
                pipeline_id,
                phase=wanted.phase,
                state=in_state,
                category=wanted.category,
                after=cursor,
                limit=limit,
            )

    @get("/{item_id:int}", operation_id="getItem", summary="One item with its result and all its attempts.")
    async def detail(
        self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID], item_id: ItemId
    ) -> ItemDetail:
        """Attempts are those that ended in an error; what was bought is named by its facts."""
        async with gateway.connection() as conn, snapshot(conn):
            return await get_item(conn, pipeline_id, item_id)
