"""The report's page, for who is signed in here."""

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit


@get("/pipelines/{pipeline_id:uuid}/report", include_in_schema=False)
async def show(visit: NamedDependency[Visit], pipeline_id: FromPath[UUID]) -> Response[bytes]:
    """As the API makes it, with the policy it is made for."""
    content, policy = await visit.api.fetch(f"/pipeline/{pipeline_id}/report", format="html")
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(content, media_type="text/html; charset=utf-8", headers=headers)
