"""Schedules: what is started by the clock, and when; and one with what came of it."""

import asyncio
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit


@get("/schedules", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """By their next fire, with the next five in words."""
    found = await visit.api.get("/schedules")
    return visit.page("schedules.html", schedules=found["items"])


@get("/schedules/{schedule_id:uuid}", include_in_schema=False)
async def detail(visit: NamedDependency[Visit], schedule_id: FromPath[UUID]) -> Response[bytes]:
    """With its latest fires."""
    path = f"/schedules/{schedule_id}"
    schedule, fires = await asyncio.gather(visit.api.get(path), visit.api.get(f"{path}/fires"))
    return visit.page("schedule.html", schedule=schedule, fires=fires["items"])
