"""Every write into the audit log: before it is begun, and again when it is known how it was answered."""

from typing import Final

import msgspec
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.actor import NAME_LENGTH, REASON_LENGTH, AnyRequest, is_dry_run, said_actor
from services.gateway.dependencies import Gateway
from services.gateway.observation import request_id
from services.gateway.security import is_write, principal_of
from shared import log
from shared.store.audit_log import Write, close_entry, open_entry
from shared.store.pool import Unavailable

_log = log.get(__name__)

#: Where a request keeps its entry.
_ENTRY: Final = "audit_entry"


class _Signed(msgspec.Struct):
    """What bodies have in common."""

    actor: str = ""
    reason: str = ""
    dry_run: bool = False


async def open_trail(request: AnyRequest) -> None:
    """Before a handler runs. Raises Unavailable: what cannot be written down is not done."""
    if not is_write(request.route_handler, request.method):
        return
    principal, signed = principal_of(request.scope), await _signed(request)
    if signed.dry_run and "dry_runs" in request.route_handler.opt:
        return
    write = Write(
        actor=_clean(said_actor(request, signed.actor), NAME_LENGTH),
        key_id=principal.key_id,
        key_name=principal.name,
        operation=getattr(request.route_handler, "operation_id", None) or request.route_handler.handler_name,
        path=_clean(request.scope["path"], REASON_LENGTH),
        reason=_clean(signed.reason, REASON_LENGTH),
        request_id=request_id(request.scope),
    )
    gateway: Gateway = request.app.state.gateway
    async with gateway.connection() as conn:
        request.scope["state"][_ENTRY] = await open_entry(conn, write)


class AuditTrail(ASGIMiddleware):
    """Closes the entry before the answer leaves, so that whoever has it finds it in the log."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and _ENTRY in scope["state"]:
                entry_id = scope["state"].pop(_ENTRY)
                gateway: Gateway = scope["litestar_app"].state.gateway
                try:
                    async with gateway.connection() as conn:
                        await close_entry(conn, entry_id, message["status"])
                except Unavailable as error:  # the entry stays, without its answer
                    _log.warning("audit_entry_not_closed", entry_id=entry_id, error=type(error).__name__)
            await send(message)

        await next_app(scope, receive, closing)


async def _signed(request: AnyRequest) -> _Signed:
    if request.method == "DELETE":  # a body of it is read by nobody
        return _Signed(reason=request.query_params.get("reason", ""), dry_run=is_dry_run(request))
    try:
        return msgspec.json.decode(await request.body(), type=_Signed)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Signed()  # the handler says what is wrong with it


def _clean(text: str, length: int) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:length])
