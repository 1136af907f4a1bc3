"""The pages of the actions: what would be done and to how much, the same as an API call, and the doing."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.status_codes import HTTP_412_PRECONDITION_FAILED
from uuid_utils.compat import uuid7

from services.gateway.dashboard import (
    access_actions,
    breaker_actions,
    item_actions,
    operation_actions,
    pipeline_actions,
    policy_actions,
    queue_actions,
    schedule_actions,
)
from services.gateway.dashboard.action import SEEN, Action, Form
from services.gateway.dashboard.api import Refused
from services.gateway.dashboard.page import Visit

ACTIONS: Final = {
    action.name: action
    for action in (
        *pipeline_actions.ACTIONS,
        *item_actions.ACTIONS,
        *breaker_actions.ACTIONS,
        *policy_actions.ACTIONS,
        *queue_actions.ACTIONS,
        *access_actions.ACTIONS,
        *schedule_actions.ACTIONS,
        *operation_actions.ACTIONS,
    )
}


@get("/actions/{name:str}", include_in_schema=False)
async def ask(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[bytes]:
    """What the action would do. Nothing is changed yet."""
    return await _page(visit, _known(name), dict(visit.request.query_params))


@post("/actions/{name:str}", include_in_schema=False)
async def act(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """Do it, and go back to where the form was; a dangerous one only from its own page."""
    form = await visit.form()
    action = _known(name)
    if action.dangerous and form.get("confirmed") != "yes":
        return await _page(visit, action, form)
    try:
        answer = await visit.api.send(action.call_by(form, visit.session.name), once=form.get("once", ""))
    except Refused as refused:
        return await _page(visit, action, form, refused)
    to = (action.leads_to(answer) if action.leads_to else "") or visit.back(form)
    response = Redirect(to, status_code=303)
    visit.say(response, action.done(answer))
    return response


def _known(name: str) -> Action:
    if name not in ACTIONS:
        raise NotFoundException
    return ACTIONS[name]


async def _page(visit: Visit, action: Action, form: Form, refused: Refused | None = None) -> Response[bytes]:
    # The tag is read before what it stands for is told: it may be older than that, and is refused then, never newer.
    seed = await action.seed(visit.api, form) if action.seed else {}
    concerns = await action.count(visit.api, form) if action.count else ""
    # Who was too late reads it again: typed over what somebody else has changed, the old values would undo that.
    late = refused is not None and refused.status == HTTP_412_PRECONDITION_FAILED
    values = dict(form) | seed if late else seed | dict(form)
    call = action.call_by(values, visit.session.name)
    return visit.page(
        "action.html",
        status=refused.status if refused else 200,
        action=action,
        concerns=concerns,
        values=values,
        hints=await action.hints(visit.api, form) if action.hints else {},
        kept=action.given(form) | ({SEEN: values[SEEN]} if values.get(SEEN) else {}),
        target=action.given(form),
        back=visit.back(form),
        once=str(uuid7()),
        call=call,
        curl=call.curl(str(visit.request.base_url).rstrip("/")),
        refused=refused,
        late=late,
        problems=_problems(refused),
    )


def _problems(refused: Refused | None) -> dict[str, str]:
    """What is wrong with each field, by its name."""
    found: dict[str, list[str]] = {}
    for error in refused.errors if refused else []:
        found.setdefault(error["pointer"].removeprefix("/"), []).append(error["detail"])
    return {name: "; ".join(details) for name, details in found.items()}
