"""Who may ask: a bearer token on everything under /api."""

import hashlib
import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard

AnyConnection = ASGIConnection[Any, Any, Any, Any]
_CHALLENGE = 'Bearer realm="landscape"'


def requires_token(token: str) -> Guard:
    """A guard that lets a request pass when it carries this token.

    Digests are compared, in constant time: neither the content nor the length of the token shows.
    """
    digest = hashlib.sha256(token.encode()).digest()

    def guard(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        # Header values are Latin-1 by definition; this gives back the bytes that were sent.
        given = hashlib.sha256(credentials.strip().encode("latin-1", "replace")).digest()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, digest):
            raise NotAuthorizedException(
                "send the token as `Authorization: Bearer <token>`; it is LANDSCAPE_TOKEN of the gateway",
                headers={"WWW-Authenticate": _CHALLENGE},
            )

    return guard
