"""One item: why it is where it is, what was tried, and what came of it."""

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.api import BASE
from services.gateway.dashboard.page import Visit


@get("/pipelines/{pipeline_id:uuid}/items/{item_id:int}", include_in_schema=False)
async def show(
    visit: NamedDependency[Visit], pipeline_id: FromPath[UUID], item_id: FromPath[int]
) -> Response[bytes]:
    """Two answers of the API: the second is why it does not go on."""
    path = f"/pipeline/{pipeline_id}/items/{item_id}"
    detail = await visit.api.get(path)
    item = {"pipeline_id": str(pipeline_id), **detail["item"], **detail}
    why = await visit.api.get(f"/pipeline/{pipeline_id}/items/{item['phase']}/why", key=item["key"])
    return visit.page("item.html", item=item, why=why, address=f"GET {BASE}{path}")
