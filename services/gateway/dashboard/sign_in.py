"""Signing in with an API key, and out again."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from services.gateway.actor import AnyRequest, check_name
from services.gateway.dashboard.api import Api, Refused
from services.gateway.dashboard.page import Visit, render, respond
from services.gateway.dashboard.session import COOKIE, LIFETIME, PATH, Seal, Session, cookie, refuse_foreign

WRONG_KEY: Final = (
    "No such key, or it is no longer valid. Any API key does, and so does LANDSCAPE_TOKEN of the gateway, which"
    " `landscape up` writes into run.json."
)


@get("/sign-in", include_in_schema=False)
async def ask(request: AnyRequest) -> Response[bytes]:
    """The form."""
    return _form(request, request.query_params.get("next", ""))


@post("/sign-in", include_in_schema=False)
async def sign_in(request: AnyRequest, seal: NamedDependency[Seal]) -> Response[Any]:
    """The key is held against the API, which knows the keys; then it is sealed into the cookie."""
    refuse_foreign(request)
    form = await request.form()
    key, name, to = (str(form.get(field, "")).strip() for field in ("key", "name", "next"))
    if problem := await _problem(request, key, name):
        return _form(request, to, name=name, problem=problem, status=422)
    response = Redirect(to if to.startswith(f"{PATH}/") else PATH, status_code=303)
    response.set_cookie(cookie(request, COOKIE, seal.close(Session(key, name)), LIFETIME))
    return response


@post("/sign-out", include_in_schema=False)
async def sign_out(visit: NamedDependency[Visit]) -> Response[Any]:
    """The cookie is gone; the key is as good as before."""
    await visit.form()
    response = Redirect(f"{PATH}/sign-in", status_code=303)
    response.set_cookie(cookie(visit.request, COOKIE, "", 0))
    return response


async def _problem(request: AnyRequest, key: str, name: str) -> str:
    try:
        check_name(name)
    except ValueError as error:
        return f"The name {error}."
    try:
        await Api(request, key).get("/pipeline", limit=1)
    except Refused as refused:
        return WRONG_KEY if refused.status == 401 else refused.detail
    return ""


def _form(
    request: AnyRequest, to: str, *, name: str = "", problem: str = "", status: int = 200
) -> Response[bytes]:
    return respond(request, render("sign_in.html", next=to, name=name, problem=problem), status)
