"""Every error as a problem (RFC 9457): stable type, no exception text, one entry per wrong field."""

from http import HTTPStatus

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from services.gateway.actor import AnyRequest
from services.gateway.observation import request_id
from shared import log
from shared.errors import ConflictError, InputError, MalformedError, NotFoundError, SchemaError, StaleError
from shared.store.idempotency import UnfinishedError
from shared.store.pool import Unavailable

_log = log.get(__name__)

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a client may ask again for what is unavailable.
RETRY_SECONDS = 5


class FieldProblem(msgspec.Struct, frozen=True):
    """One wrong field."""

    pointer: str
    """JSON pointer into the body, or `?name` of a query parameter."""
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of every answer of 400 and above."""

    type: str
    """Stable: /errors/ and the kind of problem."""
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: tuple[FieldProblem, ...] = ()


#: Kinds by status, where nothing more particular is known.
KINDS = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "stale",
    413: "too_large",
    422: "input",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
DETAILS = {
    404: "nothing is here; /api/v1/openapi.json lists what is",
    405: "this path does not take that method",
    413: "the body is too large",
    500: "an error of ours; the log has it under this request id",
    503: "the database does not answer; nothing was changed, ask again",
}


def build_problem(
    request: AnyRequest,
    status: int,
    *,
    code: str = "",
    detail: str = "",
    errors: tuple[FieldProblem, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    """A problem as an answer."""
    problem = Problem(
        type=f"/errors/{code or KINDS.get(status, 'http')}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail or DETAILS.get(status, ""),
        instance=request.scope["path"],
        request_id=request_id(request.scope),
        errors=errors,
    )
    return Response(msgspec.json.encode(problem), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if isinstance(error, ValidationException):
        return build_problem(request, 422, detail="a parameter is wrong", errors=_parameters(error))
    # The texts of these are ours; the framework's repeat what was asked, or say nothing.
    detail = error.detail if error.status_code in {401, 403, 429} else ""
    return build_problem(request, error.status_code, detail=detail, headers=error.headers)


def _parameters(error: ValidationException) -> tuple[FieldProblem, ...]:
    wrong = error.extra if isinstance(error.extra, list) else []
    return tuple(
        FieldProblem(f"?{entry.get('key', '')}", entry.get("message", "is wrong")) for entry in wrong
    )


def _input(request: AnyRequest, error: InputError) -> Response[bytes]:
    errors = tuple(FieldProblem(problem.pointer, problem.detail) for problem in error.problems)
    detail = errors[0].detail if len(errors) == 1 else f"{len(errors)} problems; nothing was started"
    status = 400 if isinstance(error, MalformedError) else 422
    return build_problem(request, status, code=error.code, detail=detail, errors=errors)


def _not_found(request: AnyRequest, error: NotFoundError) -> Response[bytes]:
    return build_problem(request, 404, detail=str(error))


def _conflict(request: AnyRequest, error: ConflictError) -> Response[bytes]:
    status = 412 if isinstance(error, StaleError) else 409
    headers = {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, UnfinishedError) else None
    return build_problem(request, status, code=error.code, detail=str(error), headers=headers)


def _schema(request: AnyRequest, error: SchemaError) -> Response[bytes]:
    return build_problem(request, 503, code=error.code, detail=str(error))


def _unavailable(request: AnyRequest, error: Unavailable) -> Response[bytes]:
    _log.warning("database_unavailable", error=type(error).__name__, request_id=request_id(request.scope))
    return build_problem(request, 503, headers={"Retry-After": str(RETRY_SECONDS)})


def _internal(request: AnyRequest, error: Exception) -> Response[bytes]:
    _log.error(
        "request_failed", path=request.scope["path"], request_id=request_id(request.scope), exc_info=error
    )
    return build_problem(request, 500)


#: Most particular first is not needed: the class nearest to the error's own is taken.
HANDLERS: ExceptionHandlersMap = {
    HTTPException: _http,
    InputError: _input,
    NotFoundError: _not_found,
    ConflictError: _conflict,
    SchemaError: _schema,
    Unavailable: _unavailable,
    Exception: _internal,
}
