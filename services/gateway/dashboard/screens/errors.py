"""Dead letters: by cause, one by one, and one with its history."""

from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.item_actions import FILTERS
from services.gateway.dashboard.page import Visit

#: Letters on one page.
_LIMIT: Final = 50
#: What causes can be filtered by.
_NARROWED: Final = ("pipeline_id", "phase", "category", "service")


@get("/errors", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Open letters by cause, the most frequent first, and the attempts that failed today."""
    narrowed = _given(visit, _NARROWED)
    groups = await visit.api.get("/dead-letters/groups", **narrowed)
    retries = await visit.api.get("/monitoring/retry-statistics")
    return visit.page("errors.html", groups=groups["groups"], narrowed=narrowed, retries=retries["phases"])


@get("/dead-letters", include_in_schema=False)
async def letters(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Letters, the newest first; the filters are those of the API."""
    narrowed = _given(visit, FILTERS)
    state = visit.request.query_params.get("in_state") or "open"
    cursor = visit.request.query_params.get("cursor")
    found = await visit.api.get("/dead-letters", **narrowed, in_state=state, cursor=cursor, limit=_LIMIT)
    return visit.page(
        "letters.html",
        letters=found["items"],
        next_cursor=found["next_cursor"],
        narrowed=narrowed,
        in_state=state,
    )


@get("/dead-letters/{job_id:int}", include_in_schema=False)
async def letter(visit: NamedDependency[Visit], job_id: FromPath[int]) -> Response[bytes]:
    """All there is about one."""
    return visit.page("letter.html", detail=await visit.api.get(f"/dead-letters/{job_id}"))


def _given(visit: Visit, names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name in names if (value := visit.request.query_params.get(name))}
