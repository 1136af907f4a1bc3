"""Start a pipeline: keywords pasted or uploaded, columns mapped, broken rows listed, and what would be bought."""

import asyncio
from typing import Any, Final

import msgspec
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
from services.gateway.dependencies import Gateway
from shared.domain.pipeline import Frozen, freeze
from shared.domain.start import CONTENT_TYPES, parse
from shared.errors import InputError

_EMPTY: Final = Draft(types=list(CONTENT_TYPES))
#: Keywords of the body that are shown as an API call.
_SHOWN: Final = 3


@get("/start", include_in_schema=False)
async def ask(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The empty form."""
    return _page(visit, _EMPTY)


@post("/start", include_in_schema=False)
async def begin(visit: NamedDependency[Visit], gateway: NamedDependency[Gateway]) -> Response[Any]:
    """Check what is filled in; start it if that was asked for and nothing is wrong."""
    form = await visit.fields()
    draft = await start_form.read(form)
    frozen = await asyncio.to_thread(_check, draft, gateway)
    if form.get("step") != "start" or not draft.is_sound or frozen is None:
        return _page(visit, draft, frozen, status=200 if draft.is_sound else 422)
    try:
        started = await visit.api.send(_call(draft), once=str(form.get("once", "")))
    except Refused as refused:
        draft.add_problems((error["pointer"], error["detail"]) for error in refused.errors)
        if draft.is_sound:
            draft.problems[""] = [refused.detail]
        return _page(visit, draft, frozen, status=refused.status)
    response = Redirect(f"/ui/pipelines/{started['pipeline_id']}", status_code=303)
    merged = f" {plural(len(started['merged']), 'keyword')} merged with others." if started["merged"] else ""
    visit.say(
        response, f"Started: {plural(started['items'], 'search').replace('searchs', 'searches')}.{merged}"
    )
    return response


def _call(draft: Draft) -> Call:
    return Call("POST", "/pipeline/start", draft.body)


def _check(draft: Draft, gateway: Gateway) -> Frozen | None:
    """What would be started, by the rules the API has, too; None when something is wrong, which the draft then says."""
    if draft.faults:
        return None
    try:
        request = parse(msgspec.json.encode(draft.body))
        return freeze(request, gateway.data_source, gateway.services, gateway.model)
    except InputError as error:
        draft.add_problems((problem.pointer, problem.detail) for problem in error.problems)
        return None


def _page(visit: Visit, draft: Draft, frozen: Frozen | None = None, status: int = 200) -> Response[bytes]:
    shown = draft.body | {"keywords": [*draft.body.get("keywords", [])[:_SHOWN], "…"]}
    call = Call("POST", "/pipeline/start", shown)
    return visit.page(
        "start.html",
        status=status,
        draft=draft,
        frozen=frozen,
        merged=frozen.merged[:PREVIEW] if frozen else [],
        preview=draft.table.rows[:PREVIEW],
        meanings=MEANINGS,
        offered=start_form.OFFERED,
        types=CONTENT_TYPES,
        once=str(uuid7()),
        curl=call.curl(str(visit.request.base_url).rstrip("/")),
    )
