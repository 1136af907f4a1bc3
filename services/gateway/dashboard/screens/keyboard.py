"""The keys there are."""

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit


@get("/keyboard", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Also for who came here by `?`."""
    return visit.page("keyboard.html")
