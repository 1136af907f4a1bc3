"""Making a page: templates, the headers every page has, and the part of it that is renewed while it is looked at."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import FormMultiDict
from litestar.exceptions import NotAuthorizedException

from services.gateway.actor import AnyRequest
from services.gateway.dashboard import wording
from services.gateway.dashboard.api import Api
from services.gateway.dashboard.assets import ASSETS
from services.gateway.dashboard.session import NOTICE, NOTICE_LIFETIME, PATH, Notice, Seal, Session, cookie

TEMPLATES: Final = Path(__file__).parent / "templates"
#: Everything comes from this origin, and no page holds a script or a style of its own.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Vary": "HX-Request, Cookie",
}
#: Bytes below which compressing is not worth it, and how hard it is tried.
_SMALL, _EFFORT = 1_000, 5


class Visit:
    """One request of somebody who is signed in."""

    def __init__(self, request: AnyRequest, seal: Seal) -> None:
        session = seal.session(request)
        if session is None:
            raise NotAuthorizedException("sign in first")
        self.request = request
        self.session: Session = session
        self.api = Api(request, session.key, session.name)
        self._seal = seal

    @property
    def form_token(self) -> str:
        """For forms."""
        return self._seal.form_token(self.request)

    @property
    def is_renewal(self) -> bool:
        """Only the living part of the page is asked for."""
        return self.request.headers.get("hx-request") == "true"

    async def form(self) -> dict[str, str]:
        """The request's form without files. Raises PermissionDeniedException when it is not of this session."""
        given = await self.fields()
        return {name: value for name, value in given.items() if isinstance(value, str)}

    async def fields(self) -> FormMultiDict:
        """As `form`, with files, and every value of a name."""
        given = await self.request.form()
        self._seal.check_form(self.request, str(given.get("form_token", "")))
        return given

    def back(self, form: Mapping[str, str]) -> str:
        """Where a form leads when it is done: a page of ours, else the first one."""
        back = form.get("back", "")
        return back if back.startswith(f"{PATH}/") else PATH

    def say(self, response: Response[Any], text: str) -> None:
        """Have the next page say so."""
        response.set_cookie(cookie(self.request, NOTICE, self._seal.close(Notice(text)), NOTICE_LIFETIME))

    def page(self, template: str, *, status: int = 200, **shown: Any) -> Response[bytes]:
        """A page, or its living part. All text in it that came from outside is escaped."""
        shown |= {"visit": self, "here": _here(self.request), "now": datetime.now(UTC)}
        shown["parts"] = environment().get_template("parts.html").make_module(shown)
        if self.is_renewal:
            made = environment().get_template(template)
            content = "".join(made.blocks["live"](made.new_context(shown)))
            return respond(self.request, content, status)
        notice = self._seal.notice(self.request)
        response = respond(self.request, render(template, notice=notice, **shown), status)
        if notice:
            response.set_cookie(cookie(self.request, NOTICE, "", 0))
        return response


def render(template: str, **shown: Any) -> str:
    """As HTML text."""
    return environment().get_template(template).render(**shown)


def respond(request: AnyRequest, content: str, status: int = 200) -> Response[bytes]:
    """With the headers of every page, compressed for who can read that."""
    encoded, headers = content.encode(), dict(HEADERS)
    if len(encoded) > _SMALL and "gzip" in request.headers.get("accept-encoding", ""):
        encoded = gzip.compress(encoded, _EFFORT, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(encoded, status_code=status, media_type="text/html; charset=utf-8", headers=headers)


@cache
def environment() -> Environment:
    """The templates' own."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= wording.FILTERS
    made.globals["asset"] = lambda name: ASSETS[name].address
    return made


def _here(request: AnyRequest) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return request.scope["path"] + (f"?{query}" if query else "")
