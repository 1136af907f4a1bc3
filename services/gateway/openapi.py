"""The API's description, OpenAPI 3.1: what Litestar derives from the handlers, with our bodies and our errors."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from services.gateway.breakers.schemas import HoldBreaker, ResetBreaker
from services.gateway.companies.controller import OverrideRequest
from services.gateway.dead_letters.schemas import DiscardRequest, EditRequest, ReplayRequest
from services.gateway.dependencies import provide_gateway
from services.gateway.failed_items.schemas import RetryFailedRequest
from services.gateway.job_queues.schemas import RetryRequest
from services.gateway.pipelines.schemas import CheckpointRequest, ResumeRequest, RewindRequest, SteerRequest
from services.gateway.problems import MEDIA_TYPE, Problem
from services.gateway.reports.waivers import WaiveRequest
from services.gateway.rules.schemas import (
    ErrorRuleAddition,
    ErrorRuleChange,
    ErrorRuleDraft,
    ErrorRulePatch,
    ErrorRuleReset,
)
from services.gateway.spending.controller import BudgetRequest
from shared.domain.report import Report
from shared.domain.start import StartRequest

_MEDIA_TYPE = "application/vnd.oai.openapi+json"
_REPORTS = ("getReport", "getReportByCurve")
_FILES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.apache.parquet",
)
#: What operations take; their handlers read the body themselves, to say everything that is wrong with it.
_BODIES: dict[str, type[msgspec.Struct]] = {
    "startPipeline": StartRequest,
    "resetBreaker": ResetBreaker,
    "openBreaker": HoldBreaker,
    "closeBreaker": HoldBreaker,
    "addErrorRule": ErrorRuleAddition,
    "editErrorRule": ErrorRulePatch,
    "resetErrorRule": ErrorRuleReset,
    "tryErrorRule": ErrorRuleDraft,
    "tryErrorRuleEdit": ErrorRuleChange,
    "replayDeadLetters": ReplayRequest,
    "discardDeadLetters": DiscardRequest,
    "editDeadLetter": EditRequest,
    "retryDeadLetters": RetryRequest,
    "retryFailed": RetryFailedRequest,
    "pausePipeline": SteerRequest,
    "unpausePipeline": SteerRequest,
    "cancelPipeline": SteerRequest,
    "resumePipeline": ResumeRequest,
    "createCheckpoint": CheckpointRequest,
    "rewindPipeline": RewindRequest,
    "setBudget": BudgetRequest,
    "waiveGate": WaiveRequest,
    "overrideCompany": OverrideRequest,
}
#: Operations that are refused where something is in no state for them.
_CONFLICTS = frozenset(
    {"editErrorRule", "resetErrorRule", "editDeadLetter", "retryFailed", "createCheckpoint", "rewindPipeline"}
    | {"pausePipeline", "unpausePipeline", "cancelPipeline", "resumePipeline"}
)
#: Operations whose 503 has the same body as their 200.
_SAYS_WHY = frozenset({"getHealth", "readyz"})
_PROBLEMS = {
    400: "The body is not JSON",
    401: "No token, or a wrong one",
    404: "Nothing has this id",
    409: "It is in no state for that; nothing was changed",
    413: "The body is too large",
    422: "A field or parameter is wrong; nothing was started",
    500: "An error of ours",
    503: "A store is away, or its schema is not this version's",
}


def describe(handlers: Sequence[ControllerRouterHandler]) -> bytes:
    """The description of these handlers, encoded."""
    config = OpenAPIConfig(title="Digital Landscape Analyzer", version="1", use_handler_docstrings=True)
    # An application of its own: the real one serves no documentation pages, whose scripts come from elsewhere.
    described = Litestar(
        list(handlers),
        dependencies={"gateway": Provide(provide_gateway)},
        openapi_config=config,
        logging_config=None,
    )
    document = described.openapi_schema.to_schema()
    _, schemas = msgspec.json.schema_components(
        (Problem, Report, *_BODIES.values()), ref_template="#/components/schemas/{name}"
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    return msgspec.json.encode(document)


def _complete(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    for status in [status for status in answers if status >= "400"]:
        del answers[status]
    statuses = {500}
    if path.startswith("/api/"):
        operation["security"] = [{"token": []}]
        statuses |= {401, 503}
    if operation["operationId"] in _SAYS_WHY:
        answers["503"] = {**answers["200"], "description": "Not well; the body says why"}
        statuses.discard(503)
    if operation["operationId"] in _REPORTS:
        statuses.add(409)
        _complete_report(operation)
    if "{" in path:
        statuses.add(404)
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        statuses.add(422)
    if body := _BODIES.get(operation["operationId"]):
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(body.__name__)}},
        }
        statuses |= {400, 413, 422}
    if operation["operationId"] in _CONFLICTS:
        statuses.add(409)
    for status in sorted(statuses):
        content = {MEDIA_TYPE: {"schema": _reference("Problem")}}
        answers[str(status)] = {"description": _PROBLEMS[status], "content": content}


def _complete_report(operation: dict[str, Any]) -> None:
    operation["responses"]["200"]["content"] = {
        "application/json": {"schema": _reference("Report")},
        "text/html": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
        **{name: {"schema": {"type": "string", "format": "binary"}} for name in _FILES},
    }
    if operation["operationId"] == "getReportByCurve":
        content = {"text/csv": {"schema": {"type": "string"}}}
        operation["requestBody"] = {"required": True, "content": content}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@get("/openapi.json", include_in_schema=False)
async def openapi(state: State) -> Response[bytes]:
    """Made once, when it is first asked for."""
    if "openapi" not in state:
        state.openapi = describe(state.described)
    return Response(state.openapi, media_type=_MEDIA_TYPE)
