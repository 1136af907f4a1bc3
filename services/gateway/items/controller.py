"""One item of a pipeline."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter

from services.gateway.dependencies import Gateway
from shared.store.items import ItemDetail, get_item

ItemId = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]


class ItemController(Controller):
    """/api/v1/pipeline/{pipeline_id}/items"""

    path = "/pipeline/{pipeline_id:uuid}/items"
    tags = ("pipelines",)

    @get("/{item_id:int}", operation_id="getItem", summary="One item: state, job, attempts, result, calls.")
    async def detail(
        self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID], item_id: ItemId
    ) -> ItemDetail:
        """404 when the pipeline has none of this id."""
        async with gateway.connection() as conn:
            return await get_item(conn, pipeline_id, item_id)
