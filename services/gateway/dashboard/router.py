"""All of the dashboard as one router under /ui."""

from urllib.parse import urlencode

from litestar import Response, Router
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Redirect

from services.gateway.actor import AnyRequest
from services.gateway.dashboard import actions, assets, sign_in, stream
from services.gateway.dashboard.api import Refused
from services.gateway.dashboard.page import Visit, render, respond
from services.gateway.dashboard.screens import (
    audit,
    breakers,
    cost,
    errors,
    failed,
    home,
    item,
    keyboard,
    keys,
    operations,
    pipeline,
    pipelines,
    queues,
    report,
    schedules,
    start,
    templates,
)
from services.gateway.dashboard.session import PATH, Seal


def dashboard(token: str) -> Router:
    """The pages; sessions are sealed with a key made from this token."""
    seal = Seal(token)

    async def provide_seal() -> Seal:
        return seal

    return Router(
        PATH,
        route_handlers=[
            assets.static,
            stream.events(seal),
            sign_in.ask,
            sign_in.sign_in,
            sign_in.sign_out,
            actions.ask,
            actions.act,
            home.show,
            pipelines.show,
            pipeline.show,
            errors.show,
            errors.letters,
            errors.letter,
            failed.show,
            breakers.show,
            breakers.detail,
            queues.show,
            cost.show,
            start.ask,
            start.begin,
            templates.show,
            templates.detail,
            schedules.show,
            schedules.detail,
            item.show,
            report.results,
            report.show,
            operations.show,
            audit.show,
            keys.show,
            keys.create,
            keyboard.show,
        ],
        dependencies={"seal": Provide(provide_seal), "visit": Provide(provide_visit)},
        exception_handlers={
            NotAuthorizedException: _sign_in,
            Refused: _refused,
            HTTPException: _http,
        },
        include_in_schema=False,
    )


async def provide_visit(request: AnyRequest, seal: NamedDependency[Seal]) -> Visit:
    """Raises NotAuthorizedException unless somebody is signed in."""
    return Visit(request, seal)


def _sign_in(request: AnyRequest, _error: Exception) -> Response[bytes]:
    """To the form, and afterwards back to where one was."""
    if request.headers.get("hx-request"):
        # The page that renews itself loads anew, and so comes to the form.
        return Response(b"", status_code=200, headers={"HX-Refresh": "true"})
    back = request.scope["path"] if request.method == "GET" else PATH
    return Redirect(f"{PATH}/sign-in?{urlencode({'next': back})}", status_code=303)


def _refused(request: AnyRequest, refused: Refused) -> Response[bytes]:
    if refused.status == 401:
        return _sign_in(request, refused)
    answer = _problem(request, refused.status, refused.detail)
    if refused.retry_after:
        answer.headers["Retry-After"] = refused.retry_after
    return answer


def _http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    details = {404: "There is no such page.", 405: "This page does not take that method."}
    detail = (
        error.detail
        if error.status_code == 403
        else details.get(error.status_code, "This request is not understood.")
    )
    return _problem(request, error.status_code, detail)


def _problem(request: AnyRequest, status: int, detail: str) -> Response[bytes]:
    return respond(request, render("problem.html", status=status, detail=detail), status)
