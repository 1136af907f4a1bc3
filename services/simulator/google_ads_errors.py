"""How Google Ads refuses: the envelope of the API, with or without a GoogleAdsFailure inside."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from services.simulator.chance import digest
from services.simulator.port import Answer

LATEST = "v26"
DAILY_SECONDS = 8962.0
"""Until a used-up day's quota is renewed, where nothing else is told."""
DAILY_RATE = "Number of operations for explorer access"

_encode = msgspec.json.Encoder().encode


class Problem(NamedTuple):
    """One GoogleAdsError: `{family: value}` is its errorCode."""

    family: str
    value: str
    message: str
    path: Sequence[tuple[str, int | None]] = ()
    """Field names in snake case, each with its index in a list."""
    quota: Mapping[str, str] | None = None
    """The quotaErrorDetails."""


class Kind(NamedTuple):
    """An HTTP status and what it says in words."""

    code: int
    status: str
    message: str


INVALID = Kind(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
UNAUTHENTICATED = Kind(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential.",
)
MISSING = UNAUTHENTICATED._replace(
    message="Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or "
    "other valid authentication credential."
)
DENIED = Kind(403, "PERMISSION_DENIED", "The caller does not have permission")
NOT_FOUND = Kind(404, "NOT_FOUND", "Requested entity was not found.")
EXHAUSTED = Kind(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
UNAVAILABLE = Kind(503, "UNAVAILABLE", "The service is currently unavailable.")
INTERNAL = Kind(500, "INTERNAL", "Internal error encountered.")

EXPIRED = Problem("authenticationError", "OAUTH_TOKEN_EXPIRED", "OAuth token is expired.")
_DENIED = Problem(
    "authorizationError",
    "USER_PERMISSION_DENIED",
    "User doesn't have permission to access customer. Note: If you're accessing a client customer, the "
    "manager's customer id must be set in the 'login-customer-id' header.",
)
_FAILURES: Mapping[str, tuple[Kind, Sequence[Problem]]] = {
    "token_expired": (UNAUTHENTICATED, [EXPIRED]),
    "token_revoked": (
        UNAUTHENTICATED,
        [Problem("authenticationError", "OAUTH_TOKEN_REVOKED", "OAuth token is revoked.")],
    ),
    "unauthenticated": (UNAUTHENTICATED, []),
    "access_prohibited": (DENIED, [Problem("quotaError", "ACCESS_PROHIBITED", "Access is prohibited.")]),
    "permission_denied": (DENIED, [_DENIED]),
    "project_not_approved": (
        DENIED,
        [
            Problem(
                "authorizationError",
                "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION",
                "The Google Cloud project is only approved for use with test accounts.",
            )
        ],
    ),
    "conflict": (
        Kind(409, "ABORTED", "The operation was aborted."),
        [
            Problem(
                "databaseError",
                "CONCURRENT_MODIFICATION",
                "Multiple requests modified the data. Retry later.",
            )
        ],
    ),
    "server_error": (
        INTERNAL,
        [Problem("internalError", "INTERNAL_ERROR", "An internal error has occurred.")],
    ),
    "transient_error": (
        INTERNAL,
        [Problem("internalError", "TRANSIENT_ERROR", "An internal error has occurred. Retry.")],
    ),
    "unavailable": (UNAVAILABLE, []),
    "deadline": (
        Kind(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        [Problem("internalError", "DEADLINE_EXCEEDED", "The request took too long.")],
    ),
}
_QUOTAS: Mapping[str, tuple[str, str, str]] = {
    "rate_limit": ("RESOURCE_EXHAUSTED", "ACCOUNT", "Requests per second to the planning service"),
    "qps": ("RESOURCE_TEMPORARILY_EXHAUSTED", "ACCOUNT", "Requests per second per customer"),
    "short_term": ("EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", "ACCOUNT", "Resources per minute"),
    "quota_daily": ("RESOURCE_EXHAUSTED", "DEVELOPER", DAILY_RATE),
    "long_term": ("EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION", "ACCOUNT", "Resources per day"),
}
"""Enum value, scope and name of the rate."""
_LONG = ("quota_daily", "long_term")
_REASONS = {
    MISSING: "CREDENTIALS_MISSING",
    UNAUTHENTICATED: "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    DENIED: "SERVICE_DISABLED",
}


def fail(fault: str, seconds: float) -> Answer:
    """The answer of a fault. `seconds` is the retryDelay of what is about quota; 0 where the provider is to
    say.
    """
    if fault == "several_errors":
        return refuse(DENIED, [_quota("qps", seconds), _DENIED])
    if fault in _QUOTAS:
        return refuse(EXHAUSTED, [_quota(fault, seconds)])
    kind, problems = _FAILURES[fault]
    return refuse(kind, problems)


def _quota(fault: str, seconds: float) -> Problem:
    value, scope, name = _QUOTAS[fault]
    delay = f"{seconds or (DAILY_SECONDS if fault in _LONG else 1.0):g}"
    quota = {"rateScope": scope, "rateName": name, "retryDelay": f"{delay}s"}
    return Problem("quotaError", value, f"Too many requests. Retry in {delay} seconds.", quota=quota)


def refuse(kind: Kind, problems: Sequence[Problem], *, version: str = LATEST, units: int = 0) -> Answer:
    """An error whose details are a GoogleAdsFailure; without problems it never reached the API, and the
    details are an ErrorInfo.
    """
    if not problems:
        return _envelope(kind, _not_reached(kind), _request_id(kind.status), units)
    request_id = _request_id(f"{kind.status} {problems}")
    failure: dict[str, object] = {
        "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
        "errors": [_error(problem) for problem in problems],
        "requestId": request_id,
    }
    return _envelope(kind, [failure], request_id, units)


def refuse_json(violations: Sequence[tuple[str, str]], *, units: int = 0) -> Answer:
    """A body that does not fit the message: (path of the field, description) each. No GoogleAdsFailure."""
    described = [
        {"field": path, "description": description} if path else {"description": description}
        for path, description in violations
    ]
    details: dict[str, object] = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": described,
    }
    kind = INVALID._replace(message="\n".join(description for _, description in violations))
    return _envelope(kind, [details], _request_id(kind.message), units)


def _error(problem: Problem) -> dict[str, object]:
    error: dict[str, object] = {
        "errorCode": {problem.family: problem.value},
        "message": problem.message,
    }
    if problem.path:
        elements = [
            {"fieldName": name} if index is None else {"fieldName": name, "index": index}
            for name, index in problem.path
        ]
        error["location"] = {"fieldPathElements": elements}
    if problem.quota:
        error["details"] = {"quotaErrorDetails": problem.quota}
    return error


def _not_reached(kind: Kind) -> list[dict[str, object]]:
    if (reason := _REASONS.get(kind)) is None:
        return []
    info: dict[str, object] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "googleads.googleapis.com"},
    }
    return [info]


def _envelope(kind: Kind, details: list[dict[str, object]], request_id: str, units: int) -> Answer:
    error: dict[str, object] = {"code": kind.code, "message": kind.message, "status": kind.status}
    if details:
        error["details"] = details
    return Answer(kind.code, _encode({"error": error}), units, headers={"request-id": request_id})


def _request_id(words: str) -> str:
    return digest(0, words, 11).hex()
