"""Who may do what: an API key or the installation's token on everything under /api, with a scope for every route."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard
from litestar.types import Scope as ConnectionScope

from services.gateway.dependencies import Gateway
from services.gateway.observation import added_headers
from shared.domain.request_rate import RequestRate
from shared.domain.scope import ADMIN, Scope
from shared.store.api_keys import PREFIX, identify

AnyConnection = ASGIConnection[Any, Any, Any, Any]
_CHALLENGE: Final = 'Bearer realm="landscape"'
#: Where a request keeps whose it is.
_PRINCIPAL: Final = "principal"
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as proven."""

    name: str
    scopes: frozenset[Scope]
    key_id: UUID | None = None
    """None: the installation's token."""

    @property
    def asker(self) -> str:
        """The same for all requests of one key."""
        return str(self.key_id or "token")


def needs(*, reads: Scope = Scope.READ_OPERATIONS, writes: Scope = Scope.WRITE_SETTINGS) -> dict[str, Scope]:
    """`opt` of a controller: what its GET routes take, and its others."""
    return {"reads": reads, "writes": writes}


#: `opt` of a route that reads although it is no GET.
READS: Final = {"writes": Scope.READ_OPERATIONS}
#: `opt` of a route that changes settings, where its controller's others steer.
SETS: Final = {"writes": Scope.WRITE_SETTINGS}
#: `opt` of a route that tells of a pipeline, or of the installation, where its controller tells of the other.
OF_PIPELINES: Final = {"reads": Scope.READ_PIPELINES}
OF_OPERATIONS: Final = {"reads": Scope.READ_OPERATIONS}
#: `opt` of a route that changes nothing when its body, or a DELETE's query, has a true `dry_run`.
DRY_RUNS: Final = {"dry_runs": True}


def required_scope(handler: BaseRouteHandler, method: str) -> Scope:
    """What a route takes. One that says nothing is read by all, and written by administrators only."""
    declared = needs() | handler.opt
    return cast("Scope", declared["reads" if method in READING else "writes"])


def is_write(handler: BaseRouteHandler, method: str) -> bool:
    """Whether a request may change something: then it goes into the audit log."""
    return method not in READING and not required_scope(handler, method).endswith(":read")


def requires_key(token: str, rate: RequestRate | None) -> Guard:
    """A guard that lets a request pass when its key may do what the route does.

    Digests are compared, in constant time: neither the content nor the length of the token shows.
    """
    digest = hashlib.sha256(token.encode()).digest()
    installation = Principal("token", ADMIN)

    async def authenticate(connection: AnyConnection) -> Principal | None:
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        # Header values are Latin-1 by definition; this gives back the bytes that were sent.
        given = credentials.strip().encode("latin-1", "replace")
        if hmac.compare_digest(hashlib.sha256(given).digest(), digest):
            return installation
        if not given.startswith(PREFIX.encode()):
            return None
        gateway: Gateway = connection.app.state.gateway
        async with gateway.connection() as conn:
            found = await identify(conn, given.decode("latin-1"))
        return Principal(found.name, found.scopes, found.key_id) if found else None

    async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        principal = await authenticate(connection)
        if principal is None:
            raise NotAuthorizedException(
                "send an API key that is valid, or LANDSCAPE_TOKEN of the gateway, as `Authorization: Bearer <key>`",
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        connection.scope["state"][_PRINCIPAL] = principal
        if rate:
            _count(connection.scope, rate, principal)
        scope = required_scope(handler, str(connection.scope.get("method")))
        if scope not in principal.scopes:
            raise PermissionDeniedException(f"this key may not do that: it lacks the scope {scope}")

    return guard


def _count(scope: ConnectionScope, rate: RequestRate, principal: Principal) -> None:
    verdict = rate.ask(principal.asker, time.monotonic())
    seconds = str(max(1, round(verdict.wait_seconds + 0.5)))
    added_headers(scope).extend(
        (
            (b"ratelimit-limit", str(rate.burst).encode()),
            (b"ratelimit-remaining", str(verdict.left).encode()),
            (b"ratelimit-reset", seconds.encode()),
        )
    )
    if not verdict.admitted:
        raise TooManyRequestsException(
            f"more than {rate.burst} requests at once, or {rate.per_second:g} a second on the long run",
            headers={"Retry-After": seconds},
        )


def principal_of(scope: ConnectionScope) -> Principal:
    """Whose request this is; there is one behind the guard."""
    return cast("Principal", scope["state"][_PRINCIPAL])
