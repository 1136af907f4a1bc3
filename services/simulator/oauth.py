"""Google's OAuth token endpoint: an access token for a refresh token, and what a token is still worth."""

import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import blake2b
from struct import pack, unpack
from urllib.parse import parse_qsl

import msgspec

from services.simulator.faults import Fault, How
from services.simulator.port import Answer, Question, Request, Scene

SCOPE = "https://www.googleapis.com/auth/adwords"
REQUIRED = ("grant_type", "refresh_token", "client_id", "client_secret")

_OPENING = "ya29.sim-"
_SECRET = b"the simulator's own, so that a token needs no memory"
_SEAL_BYTES = 12
_FAILURES: Mapping[str, tuple[int, str, str]] = {
    "invalid_grant": (400, "invalid_grant", "Token has been expired or revoked."),
    "invalid_client": (401, "invalid_client", "The OAuth client was not found."),
    "unauthorized_client": (400, "unauthorized_client", "Unauthorized"),
    "invalid_scope": (400, "invalid_scope", "Some requested scopes were invalid."),
    "internal_failure": (400, "internal_failure", "Internal failure. Please retry."),
    "temporarily_unavailable": (503, "temporarily_unavailable", "The service is temporarily unavailable."),
    "request_timeout": (408, "request_timeout", "The request took too long to arrive."),
    "gateway_timeout": (504, "server_error", "The request took too long."),
    "rate_limit": (429, "rate_limit_exceeded", "Rate limit exceeded."),
    "server_error": (500, "server_error", "An internal error has occurred."),
}

_encode = msgspec.json.Encoder().encode


class Standing(Enum):
    """What a token is worth."""

    GOOD = auto()
    EXPIRED = auto()
    UNKNOWN = auto()
    """Never given out."""


class OAuth:
    """The provider. A token is free and nothing is bought by it: the ledger counts the calls."""

    name = "oauth"
    prefix = "/oauth"
    zone = "UTC"
    over_allowance = "rate_limit"
    faults: Mapping[str, Fault] = {
        name: Fault(How.ERROR, charged=False)
        for name in _FAILURES
        if name not in ("rate_limit", "server_error")
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong path, a form that lacks something, then a client or refresh token that begins with
        "invalid".
        """
        if request.method != "POST" or request.path != "/token":
            return _refuse(404, "not_found", f"There is no {request.method} {request.path}.")
        form = dict(parse_qsl(request.body.decode(errors="replace")))
        missing = [name for name in REQUIRED if not form.get(name)]
        if missing:
            return _refuse(400, "invalid_request", f"Missing required parameter: {missing[0]}")
        if form["grant_type"] != "refresh_token":
            return _refuse(400, "unsupported_grant_type", f"Invalid grant_type: {form['grant_type']}")
        if form["client_id"].startswith("invalid") or form["client_secret"].startswith("invalid"):
            return self.fail("invalid_client", 0)
        if form["refresh_token"].startswith("invalid"):
            return self.fail("invalid_grant", 0)
        return Question((), _answer)

    def fail(self, fault: str, seconds: float) -> Answer:  # noqa: ARG002 - the endpoint tells no delay
        """`error` is a string here, an object in the API's own errors."""
        return _refuse(*_FAILURES[fault])


def _refuse(status: int, error: str, description: str) -> Answer:
    return Answer(status, _encode({"error": error, "error_description": description}))


def _answer(scene: Scene) -> Answer:
    seconds = scene.oauth_token_seconds
    token = issue(seconds)
    body = {"access_token": token, "expires_in": seconds, "scope": SCOPE, "token_type": "Bearer"}
    return Answer(200, _encode(body))


def issue(seconds: int) -> str:
    """A new access token, good for so many seconds. When it ends stands in the token itself, sealed."""
    content = pack("<d", time.time() + seconds) + secrets.token_bytes(7)
    return _OPENING + urlsafe_b64encode(content + _seal(content)).decode()


def standing(token: str) -> Standing:
    """What an access token is worth now."""
    try:
        raw = urlsafe_b64decode(token.removeprefix(_OPENING)) if token.startswith(_OPENING) else b""
    except ValueError:
        return Standing.UNKNOWN
    content, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
    if len(content) != 15 or not hmac.compare_digest(seal, _seal(content)):
        return Standing.UNKNOWN
    (ends,) = unpack("<d", content[:8])
    return Standing.GOOD if time.time() < ends else Standing.EXPIRED


def _seal(content: bytes) -> bytes:
    return blake2b(content, digest_size=_SEAL_BYTES, key=_SECRET).digest()
