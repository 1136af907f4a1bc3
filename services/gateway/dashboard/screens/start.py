"""Start a pipeline: keywords pasted or uploaded, columns mapped, broken rows listed, and what it would take."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect
from uuid_utils.compat import uuid7

from services.gateway.dashboard import start_form
from services.gateway.dashboard.api import Call, Refused
from services.gateway.dashboard.keyword_table import MEANINGS, PREVIEW
from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.start_form import Draft
from services.gateway.dashboard.wording import plural
from shared.domain.start import CONTENT_TYPES

_EMPTY: Final = Draft(types=list(CONTENT_TYPES))
#: Keywords of the body that are shown as an API call.
_SHOWN: Final = 3


@get("/start", include_in_schema=False)
async def ask(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The empty form."""
    return _page(visit, _EMPTY)


@post("/start", include_in_schema=False)
async def begin(visit: NamedDependency[Visit]) -> Response[Any]:
    """Plan what is filled in, or start it if that was asked for; the API says what is wrong with it."""
    form = await visit.fields()
    draft = await start_form.read(form)
    if form.get("step") == "read":
        draft.types = draft.types or list(CONTENT_TYPES)
        return _page(visit, draft)
    if draft.faults:
        return _page(visit, draft, status=422)
    try:
        if form.get("step") != "start":
            return _page(visit, draft, await visit.api.send(Call("POST", "/pipeline/plan", draft.body)))
        call = Call("POST", "/pipeline/start", draft.body)
        started = await visit.api.send(call, once=str(form.get("once", "")))
    except Refused as refused:
        draft.add_problems((error["pointer"], error["detail"]) for error in refused.errors)
        if draft.is_sound:
            draft.problems[""] = [refused.detail]
        return _page(visit, draft, status=refused.status)
    response = Redirect(f"/ui/pipelines/{started['pipeline_id']}", status_code=303)
    merged = f" {plural(len(started['merged']), 'keyword')} merged with others." if started["merged"] else ""
    visit.say(
        response, f"Started: {plural(started['items'], 'search').replace('searchs', 'searches')}.{merged}"
    )
    return response


def _page(visit: Visit, draft: Draft, plan: Any = None, status: int = 200) -> Response[bytes]:
    shown = draft.body | {"keywords": [*draft.body.get("keywords", [])[:_SHOWN], "…"]}
    call = Call("POST", "/pipeline/start", shown)
    return visit.page(
        "start.html",
        status=status,
        draft=draft,
        plan=plan,
        preview=draft.table.rows[:PREVIEW],
        meanings=MEANINGS,
        offered=start_form.OFFERED,
        types=CONTENT_TYPES,
        once=str(uuid7()),
        curl=call.curl(str(visit.request.base_url).rstrip("/")),
    )
