"""A pipeline's items that ended without a result."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit

#: Items on one page.
_LIMIT: Final = 50


@get("/pipelines/{pipeline_id:uuid}/failed-items", include_in_schema=False)
async def show(visit: NamedDependency[Visit], pipeline_id: FromPath[UUID]) -> Response[bytes]:
    """By phase and category, and one by one."""
    query = visit.request.query_params
    phase, category = query.get("phase", ""), query.get("category", "")
    found = await visit.api.get(
        f"/monitoring/pipeline/{pipeline_id}/failed-items",
        phase=phase,
        category=category,
        cursor=query.get("cursor"),
        limit=_LIMIT,
    )
    return visit.page("failed.html", found=found, phase=phase, category=category)
