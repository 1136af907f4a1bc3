"""Who does something: as the request names them in the field `actor` or the header X-Actor, else its API key, else `api`."""

from typing import Annotated, Any, Final

from litestar import Request
from msgspec import Meta

from services.gateway.security import principal_of
from shared.errors import InputError, Problem

AnyRequest = Request[Any, Any, Any]

HEADER: Final = "X-Actor"
#: Whoever has the installation's token, and says no more.
UNNAMED: Final = "api"
#: Characters of an actor's name, and of the reason for what it does.
NAME_LENGTH: Final = 100
REASON_LENGTH: Final = 500


def actor_of(request: AnyRequest, named: str = "") -> str:
    """`named` is the body's field. Raises InputError for a header that is no name."""
    actor = said_actor(request, named)
    try:
        check_name(actor)
    except ValueError as error:
        raise InputError(Problem(f"?{HEADER}", str(error))) from None
    return actor


def said_actor(request: AnyRequest, named: str = "") -> str:
    """As `actor_of`, whatever it is that was said."""
    principal = principal_of(request.scope)
    proven = principal.name if principal.key_id else UNNAMED
    return named or request.headers.get(HEADER, "").strip() or proven


def check_name(name: str) -> None:
    """Raise ValueError for what is no name; a check of `strict_json`."""
    _check(name, NAME_LENGTH)


def check_reason(reason: str) -> None:
    """Raise ValueError for what cannot be written down; a check of `strict_json`."""
    _check(reason, REASON_LENGTH)


def asked_reason(given: str) -> str:
    """The parameter `reason` of a query. Raises InputError for what cannot be written down."""
    try:
        check_reason(given)
    except ValueError as error:
        raise InputError(Problem("?reason", str(error))) from None
    return given


def check_given_reason(reason: str) -> None:
    """As `check_reason`, where there must be one."""
    if not reason.strip():
        raise ValueError("must not be empty: say why")
    check_reason(reason)


def is_dry_run(request: AnyRequest) -> bool:
    """Whether the query of a DELETE, which has no body, says so: here and for the audit log alike."""
    return request.query_params.get("dry_run") == "true"


def _check(text: str, length: int) -> None:
    if len(text) > length:
        raise ValueError(f"has {len(text)} characters; at most {length} are allowed")
    if not text.isprintable():
        raise ValueError("must not hold control characters")


#: What a body says of itself: its description has the lengths, the checks know what is printable.
Actor = Annotated[str, Meta(extra={"check": check_name}, extra_json_schema={"maxLength": NAME_LENGTH})]
Reason = Annotated[str, Meta(extra={"check": check_reason}, extra_json_schema={"maxLength": REASON_LENGTH})]
GivenReason = Annotated[
    str,
    Meta(extra={"check": check_given_reason}, extra_json_schema={"minLength": 1, "maxLength": REASON_LENGTH}),
]
