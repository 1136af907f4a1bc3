"""Queues and who works on them."""

import asyncio

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit
from shared.domain.phases import HOUSEKEEPING


@get("/queues", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Depth, age, dead letters, and the process that leads each service."""
    queues, health = await asyncio.gather(
        visit.api.get("/monitoring/job-queues"), visit.api.get("/monitoring/health")
    )
    leaders = {leader["service"]: leader for leader in health["leaders"]}
    waiting: dict[str, dict[str, int]] = {}
    for wait in health["waiting"]:
        waiting.setdefault(wait["phase"], {})[wait["reason"]] = wait["items"]
    return visit.page(
        "queues.html",
        queues=queues["queues"],
        leaders=leaders,
        waiting=waiting,
        unpausable=HOUSEKEEPING,
    )
