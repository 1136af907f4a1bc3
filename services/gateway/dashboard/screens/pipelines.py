"""The newest pipelines, all of them or those in one state."""

from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit

#: Pipelines on one page; the API gives no more at once.
_LIMIT: Final = 200
STATES: Final = ("running", "paused", "completed", "completed_with_gaps", "failed", "cancelled")


@get("/pipelines", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Chips filter by state."""
    wanted = visit.request.query_params.get("state", "")
    listed = (await visit.api.get("/pipeline", limit=_LIMIT))["items"]
    counts = {state: sum(p["state"] == state for p in listed) for state in STATES}
    return visit.page(
        "pipelines.html",
        pipelines=[p for p in listed if not wanted or p["state"] == wanted],
        counts={state: count for state, count in counts.items() if count or state == wanted},
        total=len(listed),
        wanted=wanted,
    )
