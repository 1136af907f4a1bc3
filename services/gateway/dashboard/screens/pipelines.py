"""Pipelines, the newest first: all of them, or by state and name, page by page."""

from typing import Final
from urllib.parse import urlencode

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit

#: Pipelines on one page.
LIMIT: Final = 50
UNDER_WAY: Final = ("running", "paused")
ENDED: Final = ("completed", "completed_with_gaps", "failed", "cancelled")


@get("/pipelines", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Filters and cursor are those of the API."""
    query = visit.request.query_params
    wanted, name, cursor = query.getall("in_state", []), query.get("name", ""), query.get("cursor", "")
    found = await visit.api.get("/pipeline", in_state=wanted, name=name, cursor=cursor, limit=LIMIT)
    following = {"in_state": wanted, "name": name, "cursor": found["next_cursor"]}
    return visit.page(
        "pipelines.html",
        pipelines=found["items"],
        states=(*UNDER_WAY, *ENDED),
        wanted=wanted,
        name=name,
        is_all=not (wanted or name or cursor),
        older=urlencode(following, doseq=True) if found["next_cursor"] else "",
    )
