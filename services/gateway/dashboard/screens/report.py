"""What came of a pipeline: its report as a page, as a file, a company's pages, and what has changed since an earlier one."""

import asyncio
from typing import Final
from urllib.parse import quote
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.screens.pipelines import ENDED
from shared.domain.report_columns import TABLES

#: Earlier pipelines that are offered to be compared with.
_EARLIER: Final = 12
#: What of a report's address the API is asked for.
_ASKED: Final = ("format", "table", "against", "curve")


@get("/pipelines/{pipeline_id:uuid}/results", include_in_schema=False)
async def results(visit: NamedDependency[Visit], pipeline_id: FromPath[UUID]) -> Response[bytes]:
    """Links, made from counters alone: a report is computed when it is opened."""
    progress = await visit.api.get(f"/monitoring/pipeline/{pipeline_id}/progress")
    earlier, same = await asyncio.gather(
        visit.api.get("/pipeline", in_state=ENDED, until=progress["created_at"], limit=_EARLIER),
        visit.api.get(
            "/pipeline", in_state=ENDED, until=progress["created_at"], name=progress["name"], limit=_EARLIER
        ),
    )
    found = [one for one in same["items"] if one["name"] == progress["name"]]
    others = [one for one in earlier["items"] if one not in found]
    return visit.page(
        "results.html",
        pipeline=progress,
        planned=sum(phase["planned"] for phase in progress["phases"]),
        completed=sum(phase["completed"] for phase in progress["phases"]),
        tables=TABLES,
        earlier=(found + others)[:_EARLIER],
    )


@get("/pipelines/{pipeline_id:uuid}/report", include_in_schema=False)
async def show(visit: NamedDependency[Visit], pipeline_id: FromPath[UUID]) -> Response[bytes]:
    """As the API makes it, with the policy it is made for; a page unless the address asks for a file."""
    given = visit.request.query_params
    wanted = {"format": "html"} | {name: given[name] for name in _ASKED if given.get(name)}
    content, headers = await visit.api.fetch(f"/pipeline/{quote(str(pipeline_id))}/report", **wanted)
    if "Content-Disposition" not in headers and wanted["format"] != "html":
        headers["Content-Disposition"] = f'attachment; filename="report.{wanted["format"]}"'
    return Response(
        content, headers=headers | {"Cache-Control": "no-store"}, media_type=headers["Content-Type"]
    )
