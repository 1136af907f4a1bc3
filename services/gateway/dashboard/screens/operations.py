"""Operations: bulk actions that go on by themselves, how far they are, and by whom."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit
from shared.domain.operation import OperationState

#: Operations on one page.
LIMIT: Final = 50
STATES: Final = tuple(OperationState)
_OPEN: Final = frozenset({OperationState.QUEUED, OperationState.RUNNING})


@get("/operations", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The newest first; filter and cursor are those of the API."""
    query = visit.request.query_params
    state, cursor = query.get("in_state", ""), query.get("cursor", "")
    found = await visit.api.get("/operations", in_state=state, cursor=cursor, limit=LIMIT)
    following = {"in_state": state, "cursor": found["next_cursor"]}
    return visit.page(
        "operations.html",
        operations=[one | {"open": one["state"] in _OPEN, "asked": _asked(one)} for one in found["items"]],
        states=STATES,
        wanted=state,
        older=urlencode(following) if found["next_cursor"] else "",
    )


def _asked(operation: Any) -> dict[str, str]:
    """What it was asked for, without what was left open; ids are counted, there may be thousands."""
    return {
        name: f"{len(value):,} of them" if isinstance(value, list) else str(value)
        for name, value in operation["selection"].items()
        if value not in (None, "", [])
    }
