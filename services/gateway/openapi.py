"""The API's description, OpenAPI 3.1: what Litestar derives from the handlers, with our bodies and our errors."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from services.gateway.access.keys import KeyRequest, RevokeRequest
from services.gateway.breakers.schemas import HoldBreaker, PolicyEdit, PolicyReset, ResetBreaker
from services.gateway.companies.controller import OverrideRequest
from services.gateway.conditions import TAGS
from services.gateway.dead_letters.schemas import DiscardRequest, EditRequest, ReplayRequest
from services.gateway.dependencies import provide_gateway
from services.gateway.failed_items.schemas import RetryFailedRequest
from services.gateway.idempotency import KEY
from services.gateway.job_queues.schemas import PauseQueue, RetryRequest, UnpauseQueue
from services.gateway.operations.controller import CancelRequest
from services.gateway.pipelines.lifetime import Overrides
from services.gateway.pipelines.schemas import (
    CheckpointRequest,
    RestartRequest,
    ResumeRequest,
    RewindRequest,
    SteerRequest,
)
from services.gateway.problems import MEDIA_TYPE, Problem
from services.gateway.reports.waivers import WaiveRequest
from services.gateway.rules.schemas import (
    ErrorRuleAddition,
    ErrorRuleChange,
    ErrorRuleDraft,
    ErrorRulePatch,
    ErrorRuleReset,
)
from services.gateway.schedules.schemas import PauseSchedule, SchedulePatch, ScheduleRequest
from services.gateway.spending.controller import BudgetRequest
from services.gateway.spending.doubts import DecisionRequest
from services.gateway.templates.schemas import SignRequest, TemplatePatch, TemplateRequest
from services.gateway.webhooks.schemas import SignedRequest, WebhookRequest
from shared.domain.report import Report
from shared.domain.start import StartRequest
from shared.store.operations import Operation

_MEDIA_TYPE = "application/vnd.oai.openapi+json"
_STREAM = "streamEvents"
_REPORTS = ("getReport", "getReportByCurve")
_FILES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.apache.parquet",
)
#: What operations take; their handlers read the body themselves, to say everything that is wrong with it.
_BODIES: dict[str, type[msgspec.Struct]] = {
    "startPipeline": StartRequest,
    "planPipeline": StartRequest,
    "resetBreaker": ResetBreaker,
    "openBreaker": HoldBreaker,
    "closeBreaker": HoldBreaker,
    "editBreakerPolicy": PolicyEdit,
    "resetBreakerPolicy": PolicyReset,
    "addErrorRule": ErrorRuleAddition,
    "editErrorRule": ErrorRulePatch,
    "resetErrorRule": ErrorRuleReset,
    "tryErrorRule": ErrorRuleDraft,
    "tryErrorRuleEdit": ErrorRuleChange,
    "replayDeadLetters": ReplayRequest,
    "discardDeadLetters": DiscardRequest,
    "editDeadLetter": EditRequest,
    "retryDeadLetters": RetryRequest,
    "pauseQueue": PauseQueue,
    "unpauseQueue": UnpauseQueue,
    "retryFailed": RetryFailedRequest,
    "cancelOperation": CancelRequest,
    "pausePipeline": SteerRequest,
    "unpausePipeline": SteerRequest,
    "cancelPipeline": SteerRequest,
    "resumePipeline": ResumeRequest,
    "createCheckpoint": CheckpointRequest,
    "rewindPipeline": RewindRequest,
    "restartPhase": RestartRequest,
    "clonePipeline": Overrides,
    "setBudget": BudgetRequest,
    "decideCallsInDoubt": DecisionRequest,
    "createKey": KeyRequest,
    "revokeKey": RevokeRequest,
    "createWebhook": WebhookRequest,
    "enableWebhook": SignedRequest,
    "testWebhook": SignedRequest,
    "redeliver": SignedRequest,
    "createTemplate": TemplateRequest,
    "editTemplate": TemplatePatch,
    "startTemplate": SignRequest,
    "tryTemplate": SignRequest,
    "createSchedule": ScheduleRequest,
    "editSchedule": SchedulePatch,
    "pauseSchedule": PauseSchedule,
    "unpauseSchedule": SignRequest,
    "runSchedule": SignRequest,
    "waiveGate": WaiveRequest,
    "overrideCompany": OverrideRequest,
}
#: Operations that are refused where something is in no state for them.
_CONFLICTS = frozenset(
    {"createWebhook", "redeliver", "restartPhase", "deletePipeline", "cancelOperation"}
    | {
        "editErrorRule",
        "resetErrorRule",
        "editDeadLetter",
        "retryFailed",
        "createCheckpoint",
        "rewindPipeline",
    }
    | {"pauseQueue", "unpauseQueue", "pausePipeline", "unpausePipeline", "cancelPipeline", "resumePipeline"}
    | {"editTemplate", "deleteTemplate", "pauseSchedule", "unpauseSchedule"}
)
#: Operations that need no body.
_BODILESS = frozenset(
    {"enableWebhook", "testWebhook", "redeliver", "cancelOperation"}
    | {"startTemplate", "tryTemplate", "unpauseSchedule", "runSchedule"}
    | {"resetBreaker", "retryDeadLetters", "retryFailed", "revokeKey", "rewindPipeline"}
    | {
        "restartPhase",
        "clonePipeline",
        "unpauseQueue",
        "pausePipeline",
        "unpausePipeline",
        "cancelPipeline",
        "resumePipeline",
    }
)
#: Operations without an id in their path that name others.
_NAMES_OTHERS = frozenset({"replayDeadLetters", "discardDeadLetters"})
#: Operations that do what they do once for every Idempotency-Key.
_ONCE = frozenset(
    {
        "startPipeline",
        "createTemplate",
        "startTemplate",
        "tryTemplate",
        "createSchedule",
        "runSchedule",
        "clonePipeline",
        "resumePipeline",
        "restartPhase",
        "rewindPipeline",
        "decideCallsInDoubt",
        "retryFailed",
        "replayDeadLetters",
        "discardDeadLetters",
        "retryDeadLetters",
        "createCheckpoint",
        "createWebhook",
        "cancelOperation",
    }
)
#: Operations that go on by themselves when they concern too much for a request.
_LONG = frozenset({"replayDeadLetters", "discardDeadLetters", "retryDeadLetters", "retryFailed"})
#: Operations that refuse an edit of what was changed meanwhile, if they are told what was seen.
_CONDITIONAL = frozenset(
    {"editErrorRule", "resetErrorRule", "setBudget", "editBreakerPolicy", "resetBreakerPolicy"}
    | {"editTemplate", "editSchedule"}
)
#: Operations whose 503 has the same body as their 200.
_SAYS_WHY = frozenset({"getHealth", "readyz"})
_PROBLEMS = {
    400: "The body is not JSON",
    401: "No key, or one that is not valid",
    403: "The key lacks the scope",
    404: "Nothing has this id",
    409: "It is in no state for that; nothing was changed",
    412: "It was changed since it was read; nothing was changed",
    413: "The body is too large",
    422: "A field or parameter is wrong; nothing was started",
    429: "Too many requests of this key; ask again after Retry-After",
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
        (Problem, Report, Operation, *_BODIES.values()), ref_template="#/components/schemas/{name}"
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
        statuses |= {401, 403, 429, 503}
    if operation["operationId"] in _SAYS_WHY:
        answers["503"] = {**answers["200"], "description": "Not well; the body says why"}
        statuses.discard(503)
    if operation["operationId"] in _LONG:
        content = {"application/json": {"schema": _reference("Operation")}}
        answers["202"] = {
            "description": "Too much for a request; it goes on as an operation",
            "content": content,
        }
    statuses |= _complete_forms(operation)
    if "{" in path or operation["operationId"] in _NAMES_OTHERS:
        statuses.add(404)
    if any(_checked(parameter) for parameter in operation.get("parameters", ())):
        statuses.add(422)
    if body := _BODIES.get(operation["operationId"]):
        operation["requestBody"] = {
            "required": operation["operationId"] not in _BODILESS,
            "content": {"application/json": {"schema": _reference(body.__name__)}},
        }
        statuses |= {400, 413, 422}
    if operation["operationId"] in _CONFLICTS:
        statuses.add(409)
    statuses |= _add_headers(operation)
    for status in sorted(statuses):
        content = {MEDIA_TYPE: {"schema": _reference("Problem")}}
        answers[str(status)] = {"description": _PROBLEMS[status], "content": content}


def _checked(parameter: dict[str, Any]) -> bool:
    return bool(parameter["in"] == "query" or parameter["schema"].get("type") == "integer")


def _add_headers(operation: dict[str, Any]) -> set[int]:
    """What a request may say beside its body; the statuses that come of it."""
    parameters: list[Any] = operation.setdefault("parameters", [])
    if operation["operationId"] in _ONCE:
        parameters.append(
            _header("Idempotency-Key", "What is sent again with the same key and body is done once.", KEY)
        )
        return {409, 422}
    if operation["operationId"] in _CONDITIONAL:
        parameters.append(
            _header("If-Match", "The ETag of what was seen; an edit of something else is refused.", TAGS)
        )
        return {412, 422}
    if operation["operationId"] == _STREAM:
        parameters.append(_header("Last-Event-ID", "The id of the last event that was seen.", "[0-9]{1,16}"))
    return set()


def _header(name: str, description: str, pattern: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", "pattern": f"^({pattern})$"},
    }


def _complete_forms(operation: dict[str, Any]) -> set[int]:
    """Answers that come in other forms than a struct's; the statuses that come of it."""
    if operation["operationId"] == _STREAM:
        operation["responses"]["200"]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    if operation["operationId"] not in _REPORTS:
        return set()
    operation["responses"]["200"]["content"] = {
        "application/json": {"schema": _reference("Report")},
        "text/html": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
        **{name: {"schema": {"type": "string", "format": "binary"}} for name in _FILES},
    }
    if operation["operationId"] == "getReportByCurve":
        content = {"text/csv": {"schema": {"type": "string"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return {409}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@get("/openapi.json", include_in_schema=False)
async def openapi(state: State) -> Response[bytes]:
    """Made once, when it is first asked for."""
    if "openapi" not in state:
        state.openapi = describe(state.described)
    return Response(state.openapi, media_type=_MEDIA_TYPE)
