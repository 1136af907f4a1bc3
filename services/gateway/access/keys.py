"""Create, list and revoke API keys."""

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta

from services.gateway.actor import NAME_LENGTH, Actor, AnyRequest, Reason, check_name
from services.gateway.dependencies import Gateway
from services.gateway.security import needs
from shared import log
from shared.domain.scope import ROLES, Scope
from shared.domain.strict_json import decode, nearest
from shared.errors import InputError, Problem
from shared.store.api_keys import ApiKey, create_key, get_key, list_keys, revoke_key

_log = log.get(__name__)

_DAY_SECONDS: Final = 24 * 60 * 60
SCOPES: Final = tuple(sorted(Scope))
_ADMINISTERED: Final = needs(reads=Scope.ADMINISTER_KEYS, writes=Scope.ADMINISTER_KEYS)


def check_key_name(name: str) -> None:
    """Raise ValueError for a name nobody would know a key by."""
    if not name.strip():
        raise ValueError(f"must not be empty: say what the key is for, in {NAME_LENGTH} characters")
    check_name(name)


def check_scope(name: str) -> None:
    """Raise ValueError for what is no scope."""
    if name not in SCOPES:
        raise ValueError(f"{name[:40]!r} is no scope; {nearest(name, SCOPES)}")


ScopeName = Annotated[str, Meta(extra={"check": check_scope}, extra_json_schema={"enum": list(SCOPES)})]


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is wanted."""

    name: Annotated[str, Meta(extra={"check": check_key_name})]
    role: Literal["viewer", "operator", "admin"] = "viewer"
    scopes: list[ScopeName] | None = None
    """Of the role's, those it may use; omitted: all of them."""
    expires_in_days: Annotated[float, Meta(ge=0.001, le=3660)] | None = None
    """Omitted: valid until it is revoked."""
    actor: Actor = ""
    reason: Reason = ""


class RevokeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made."""

    key: str
    """What requests carry. Told this once: only its hash is kept."""
    api_key: ApiKey


class KeyPage(msgspec.Struct, frozen=True):
    """The newest first."""

    items: list[ApiKey]


class KeyController(Controller):
    """/api/v1/keys"""

    path = "/keys"
    tags = ("access",)
    opt = _ADMINISTERED

    @post("/", operation_id="createKey", summary="Make an API key; it is shown this once.")
    async def create(self, request: AnyRequest, gateway: NamedDependency[Gateway]) -> NewKey:
        """A viewer sees everything, an operator starts and steers the work too, an administrator does all there is."""
        body = decode(await request.body(), KeyRequest)
        if beyond := sorted(set(body.scopes or ()) - ROLES[body.role]):
            raise InputError(Problem("/scopes", f"{', '.join(beyond)}: no {body.role} may do that"))
        seconds = None if body.expires_in_days is None else body.expires_in_days * _DAY_SECONDS
        async with gateway.unit_of_work() as conn:
            api_key, text = await create_key(conn, body.name.strip(), body.role, body.scopes, seconds)
        _log.info("api_key_created", key_id=str(api_key.key_id), name=api_key.name, role=api_key.role)
        return NewKey(text, api_key)

    @get("/", operation_id="listKeys", summary="API keys, the newest first.")
    async def list_newest(self, gateway: NamedDependency[Gateway]) -> KeyPage:
        """Also those that open nothing any more."""
        async with gateway.connection() as conn:
            return KeyPage(await list_keys(conn))

    @get("/{key_id:uuid}", operation_id="getKey", summary="One API key, without what is secret of it.")
    async def detail(self, gateway: NamedDependency[Gateway], key_id: FromPath[UUID]) -> ApiKey:
        """404 when there is none."""
        async with gateway.connection() as conn:
            return await get_key(conn, key_id)

    @post("/{key_id:uuid}/revoke", operation_id="revokeKey", status_code=200, summary="Let a key open nothing any more.")  # fmt: skip
    async def revoke(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], key_id: FromPath[UUID]
    ) -> ApiKey:
        """From the next request on. Needs no body."""
        decode(await request.body() or b"{}", RevokeRequest)
        async with gateway.unit_of_work() as conn:
            api_key = await revoke_key(conn, key_id)
        _log.info("api_key_revoked", key_id=str(key_id), name=api_key.name)
        return api_key
