"""Templates: what is started again and again; and one with what it holds."""

import asyncio
from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.dashboard.page import Visit

#: Keywords that are shown of a template.
_SHOWN: Final = 20


@get("/templates", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """By name."""
    found = await visit.api.get("/templates")
    return visit.page("templates.html", templates=found["items"])


@get("/templates/{template_id:uuid}", include_in_schema=False)
async def detail(visit: NamedDependency[Visit], template_id: FromPath[UUID]) -> Response[bytes]:
    """With its first keywords, everything else it holds, and the schedules that start it."""
    template, schedules = await asyncio.gather(
        visit.api.get(f"/templates/{template_id}"),
        visit.api.get("/schedules", template_id=str(template_id)),
    )
    start = template.pop("start")
    keywords = start.pop("keywords")
    return visit.page(
        "template.html",
        kept=template,
        keywords=[word if isinstance(word, dict) else {"keyword": word} for word in keywords[:_SHOWN]],
        more=max(0, len(keywords) - _SHOWN),
        rest=start,
        schedules=schedules["items"],
    )
