"""API keys: which there are, and a new one, which is shown once."""

from datetime import UTC, datetime
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency

from services.gateway.dashboard.action import number
from services.gateway.dashboard.api import Call, Refused
from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.wording import parsed
from shared.domain.scope import ROLES, Scope

_EMPTY: Final = {"name": "", "role": "viewer", "expires_in_days": "", "reason": ""}


@get("/keys", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The newest first, and the form for another."""
    return await _page(visit, _EMPTY, [])


@post("/keys", include_in_schema=False, status_code=200)
async def create(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Its text is on the page that answers, and nowhere else: no cookie and no log holds it."""
    form = await visit.fields()
    plain = {name: str(form.get(name, "")).strip() for name in _EMPTY}
    scopes = [scope for scope in form.getall("scopes", []) if isinstance(scope, str)]
    try:
        made = await visit.api.send(Call("POST", "/keys", _body(plain, scopes, visit.session.name)))
    except Refused as refused:
        return await _page(visit, plain, scopes, refused=refused)
    return await _page(visit, _EMPTY, [], made=made)


def _body(plain: dict[str, str], scopes: list[str], actor: str) -> dict[str, Any]:
    body: dict[str, Any] = {"name": plain["name"], "role": plain["role"]}
    if scopes:
        body["scopes"] = scopes
    if plain["expires_in_days"]:
        body["expires_in_days"] = number(plain["expires_in_days"])
    if plain["reason"]:
        body["reason"] = plain["reason"]
    return body | ({"actor": actor} if actor else {})


async def _page(
    visit: Visit,
    plain: dict[str, str],
    scopes: list[str],
    *,
    made: Any = None,
    refused: Refused | None = None,
) -> Response[bytes]:
    found = await visit.api.get("/keys")
    call = Call("POST", "/keys", _body(plain | {"name": plain["name"] or "…"}, scopes, ""))
    return visit.page(
        "keys.html",
        status=refused.status if refused else 200,
        keys=[key | {"state": _state(key)} for key in found["items"]],
        roles={role: sorted(may) for role, may in ROLES.items()},
        scopes=sorted(Scope),
        plain=plain,
        ticked=scopes,
        made=made,
        refused=refused,
        curl=call.curl(str(visit.request.base_url).rstrip("/")),
    )


def _state(key: Any) -> str:
    """Whether it opens anything."""
    if key["revoked_at"]:
        return "revoked"
    if key["expires_at"] and parsed(key["expires_at"]) <= datetime.now(UTC):
        return "expired"
    return "valid"
