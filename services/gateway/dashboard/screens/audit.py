"""The audit log: who asked for what, when, why, and what came of it."""

import re
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.api import BASE
from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.session import PATH
from services.gateway.dashboard.wording import short

#: Entries on one page.
LIMIT: Final = 50
FILTERS: Final = ("actor", "operation", "target")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: What a path of the API is about, and the screen of it.
_TARGETS: Final = (
    (re.compile(r"/pipeline/([0-9a-f-]{36})"), "/pipelines/{}"),
    (re.compile(r"/dead-letters/(\d+)"), "/dead-letters/{}"),
    (re.compile(r"/circuit-breakers/(\w+)"), "/breakers/{}"),
    (re.compile(r"/job-queues/(\w+)"), "/queues"),
    (re.compile(r"/keys\b"), "/keys"),
    (re.compile(r"/operations\b"), "/operations"),
)


@get("/audit", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The newest first; the filters are those of the API."""
    query = visit.request.query_params
    narrowed = {name: query[name].strip() for name in FILTERS if query.get(name, "").strip()}
    found = await visit.api.get("/audit-log", **narrowed, cursor=query.get("cursor"), limit=LIMIT)
    following = narrowed | {"cursor": found["next_cursor"]}
    return visit.page(
        "audit.html",
        entries=[entry | {"place": _place(entry), "shown": _shown(entry)} for entry in found["items"]],
        narrowed=narrowed,
        operations=sorted({entry["operation"] for entry in found["items"]}),
        older=urlencode(following) if found["next_cursor"] else "",
    )


def _shown(entry: Any) -> str:
    """The path without what all have; ids by the part that tells them apart."""
    path = str(entry["path"]).removeprefix(BASE)
    return _ID.sub(lambda found: f"…{short(found[0])}", path)


def _place(entry: Any) -> str:
    """The screen of what was written to; empty where there is none."""
    for pattern, place in _TARGETS:
        if found := pattern.search(entry["path"]):
            return PATH + place.format(*found.groups())
    return ""
