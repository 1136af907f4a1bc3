"""What providers were charged by the day, and what pipelines may spend."""

import asyncio
from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit

#: Pipelines whose money is shown: the newest, those under way first.
_PIPELINES: Final = 20


@get("/cost", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Days are the providers' own."""
    days, listed = await asyncio.gather(
        visit.api.get("/monitoring/spending"), visit.api.get("/pipeline", limit=_PIPELINES)
    )
    pipelines = sorted(listed["items"], key=lambda pipeline: pipeline["ended_at"] is not None)
    return visit.page(
        "cost.html",
        days=days["items"],
        busiest=_busiest(days["items"]),
        spenders=pipelines,
    )


def _busiest(days: list[Any]) -> dict[str, float]:
    """Units a provider's bars are drawn against: its limit, or its dearest day."""
    most: dict[str, float] = {}
    for day in days:
        most[day["provider"]] = max(most.get(day["provider"], 0.0), day["committed"], day["most"] or 0.0)
    return most
