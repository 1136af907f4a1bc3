"""Circuit breakers: all of them, and one with what happened to it."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.policy_actions import FIELDS


@get("/breakers", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """One per service."""
    found = await visit.api.get("/monitoring/circuit-breakers")
    return visit.page("breakers.html", breakers=found["items"])


@get("/breakers/{service:str}", include_in_schema=False)
async def detail(visit: NamedDependency[Visit], service: FromPath[str]) -> Response[bytes]:
    """With its policy, and the latest changes of both."""
    found = await visit.api.get(f"/monitoring/circuit-breakers/{service}")
    return visit.page("breaker.html", detail=found, fields=FIELDS)
