"""Who may ask, what errors look like, and what is seen of requests."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.testing import AsyncTestClient
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from services.gateway.app import create_app
from shared.config import Settings
from shared.errors import ConfigError

pytestmark = pytest.mark.anyio

TOKEN = "a-tökén"
GOOD = {b"Authorization": f"Bearer {TOKEN}".encode()}
UNKNOWN = "00000000-0000-0000-0000-000000000000"
PROTECTED = (
    "pipeline/start",
    "pipeline",
    f"pipeline/{UNKNOWN}",
    f"pipeline/{UNKNOWN}/audit",
    f"pipeline/{UNKNOWN}/actions",
    f"pipeline/{UNKNOWN}/items",
    f"pipeline/{UNKNOWN}/items/1",
    f"pipeline/{UNKNOWN}/checkpoints",
    f"pipeline/{UNKNOWN}/checkpoints/name/verify",
    f"pipeline/{UNKNOWN}/report?format=html",
    f"monitoring/pipeline/{UNKNOWN}/progress",
    "monitoring/health",
    "monitoring/workers",
    "monitoring/providers",
    "monitoring/services",
    "dead-letters",
    "dead-letters/1",
    f"monitoring/pipeline/{UNKNOWN}/failed-items",
    "monitoring/job-queues",
    "monitoring/circuit-breakers",
    "monitoring/circuit-breakers/serp",
    f"pipeline/{UNKNOWN}/why",
    f"pipeline/{UNKNOWN}/items/serp_collection/why?key=k",
    "monitoring/services/serp/why",
    "monitoring/job-queues/serp/actions",
    "openapi.json",
)


@pytest.fixture
async def client(postgres_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        yield test_client


def test_without_a_token_the_gateway_refuses_to_start() -> None:
    """An API that anybody may use is never the default."""
    with pytest.raises(ConfigError, match="LANDSCAPE_TOKEN"):
        create_app(Settings(postgres_url="postgresql://127.0.0.1:9/x"))


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"],
)
async def test_nothing_under_api_is_given_without_the_token(
    client: AsyncTestClient[Any], authorization: str | None
) -> None:
    """401 with a challenge, whatever is wrong with the credentials, before the body is even read."""
    headers = {} if authorization is None else {b"Authorization": authorization.encode()}
    for path in PROTECTED:
        method, content = ("POST", b"{") if path == "pipeline/start" else ("GET", None)
        answer = await client.request(method, f"/api/v1/{path}", headers=headers, content=content)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["type"] == "/errors/unauthorized"
        assert TOKEN not in answer.text


async def test_the_token_opens_and_its_scheme_has_no_case(client: AsyncTestClient[Any]) -> None:
    """As the standard has it."""
    for scheme in ("Bearer", "bearer", "BEARER"):
        headers = {b"Authorization": f"{scheme} {TOKEN}".encode()}
        assert (await client.get("/api/v1/pipeline", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/schema", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v1/pipeline/not-an-id", 404, "not_found"),
        ("GET", f"/api/v1/pipeline/{UNKNOWN}", 404, "not_found"),
        ("GET", f"/api/v1/pipeline/{UNKNOWN}/audit", 404, "not_found"),
        ("GET", f"/api/v1/pipeline/{UNKNOWN}/report", 404, "not_found"),
        ("GET", f"/api/v1/monitoring/pipeline/{UNKNOWN}/progress", 404, "not_found"),
        ("GET", "/api/v1/monitoring/pipeline/not-an-id/progress", 404, "not_found"),
        ("GET", "/api/v1/pipeline/start", 405, "method_not_allowed"),
        ("DELETE", "/livez", 405, "method_not_allowed"),
        ("GET", "/api/v1/pipeline?limit=0", 422, "input"),
        ("GET", "/api/v1/pipeline?limit=201", 422, "input"),
        ("GET", "/api/v1/pipeline?limit=many", 422, "input"),
        ("GET", f"/api/v1/pipeline/{UNKNOWN}/report?format=pdf", 422, "input"),
    ],
)
async def test_every_error_is_a_problem(
    client: AsyncTestClient[Any], method: str, path: str, status: int, kind: str
) -> None:
    """Always the same shape (RFC 9457), also where no handler was reached."""
    answer = await client.request(method, path, headers=GOOD)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() - {"errors"} == {"type", "title", "status", "detail", "instance", "request_id"}
    assert (problem["type"], problem["status"]) == (f"/errors/{kind}", status)
    assert problem["instance"] == path.partition("?")[0]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    if status == 422:
        assert {error["pointer"] for error in problem["errors"]} <= {"?limit", "?format"}
        assert problem["errors"]


async def test_a_request_keeps_the_id_it_came_with(client: AsyncTestClient[Any]) -> None:
    """A well-formed one; anything else gets one of ours, a new one each time."""
    given = {"X-Request-ID": "abc_DEF-123"}
    assert (await client.get("/livez", headers=given)).headers["x-request-id"] == "abc_DEF-123"
    made = set()
    for bad in ("", "a b", "x" * 65, "a\\n", "ä"):
        answer = await client.get("/livez", headers={b"X-Request-ID": bad.encode()})
        made.add(answer.headers["x-request-id"])
    assert len(made) == 5
    assert all(re.fullmatch(r"[0-9a-f-]{36}", identity) for identity in made)


async def test_log_lines_of_a_request_have_its_id(client: AsyncTestClient[Any]) -> None:
    """So that whoever has a problem's request id finds what the log says of it; lines between requests have none."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        await client.post(
            "/api/v1/pipeline/start",
            json={"keywords": ["a"], "regions": ["US"]},
            headers={**GOOD, b"X-Request-ID": b"abc-1"},
        )
    assert [line["request_id"] for line in lines if line["event"] == "pipeline_started"] == ["abc-1"]
    assert "request_id" not in get_contextvars()


async def test_metrics_name_routes_and_never_ids(client: AsyncTestClient[Any]) -> None:
    """One series per route, however many pipelines are asked for or paths are guessed."""
    for path in (f"/api/v1/pipeline/{UNKNOWN}", "/api/v1/pipeline/guess", "/guess"):
        await client.get(path, headers=GOOD)
    await client.request("GUESS", "/guess")
    exposition = (await client.get("/metrics")).text
    requests = re.findall(r"landscape_http_requests_total\{(.*)\} (\S+)", exposition)
    assert dict(requests) == {
        'method="GET",route="/api/v1/pipeline/{pipeline_id}",status="404"': "1.0",
        'method="GET",route="unmatched",status="404"': "2.0",
        'method="other",route="unmatched",status="404"': "1.0",
    }
    assert "landscape_http_request_duration_seconds_bucket" in exposition
    assert UNKNOWN not in exposition


async def test_the_description_matches_the_wire(client: AsyncTestClient[Any]) -> None:
    """OpenAPI 3.1 with our start body, our problems, and no parameter nobody can send."""
    answer = await client.get("/api/v1/openapi.json", headers=GOOD)
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    operations = {o["operationId"]: o for path in document["paths"].values() for o in path.values()}
    assert operations.keys() == {
        "startPipeline",
        "planPipeline",
        "listPipelines",
        "pausePipeline",
        "unpausePipeline",
        "cancelPipeline",
        "resumePipeline",
        "listPipelineActions",
        "listCheckpoints",
        "createCheckpoint",
        "verifyCheckpoint",
        "rewindPipeline",
        "getPipeline",
        "listItems",
        "getItem",
        "restartPhase",
        "clonePipeline",
        "deletePipeline",
        "auditPipeline",
        "getReport",
        "getReportByCurve",
        "getLineage",
        "listWaivers",
        "waiveGate",
        "takeBackWaiver",
        "listOverrides",
        "overrideCompany",
        "dropOverride",
        "getBudget",
        "setBudget",
        "listSpending",
        "getProgress",
        "getHealth",
        "listWorkers",
        "listProviders",
        "listServices",
        "listBreakers",
        "getBreaker",
        "resetBreaker",
        "openBreaker",
        "closeBreaker",
        "getRetryStatistics",
        "listErrorRules",
        "addErrorRule",
        "editErrorRule",
        "resetErrorRule",
        "tryErrorRule",
        "tryErrorRuleEdit",
        "listDeadLetters",
        "groupDeadLetters",
        "getDeadLetter",
        "editDeadLetter",
        "replayDeadLetters",
        "discardDeadLetters",
        "listFailedItems",
        "retryFailed",
        "listJobQueues",
        "retryDeadLetters",
        "listCallsInDoubt",
        "decideCallsInDoubt",
        "pauseQueue",
        "unpauseQueue",
        "listQueueActions",
        "whyPipeline",
        "whyItem",
        "whyService",
        "createKey",
        "listKeys",
        "getKey",
        "revokeKey",
        "listAuditLog",
        "streamEvents",
        "listEvents",
        "createWebhook",
        "listWebhooks",
        "getWebhook",
        "deleteWebhook",
        "enableWebhook",
        "testWebhook",
        "listDeliveries",
        "redeliver",
        "createTemplate",
        "listTemplates",
        "getTemplate",
        "editTemplate",
        "deleteTemplate",
        "startTemplate",
        "tryTemplate",
        "createSchedule",
        "listSchedules",
        "previewSchedule",
        "getSchedule",
        "editSchedule",
        "deleteSchedule",
        "pauseSchedule",
        "unpauseSchedule",
        "runSchedule",
        "listFires",
        "getErrorRule",
        "getBreakerPolicy",
        "editBreakerPolicy",
        "resetBreakerPolicy",
        "listOperations",
        "getOperation",
        "cancelOperation",
        "getServiceHealth",
        "livez",
        "readyz",
        "metrics",
    }
    parameters = {p["name"] for operation in operations.values() for p in operation.get("parameters", ())}
    assert parameters == {
        "pipeline_id",
        "limit",
        "name",
        "format",
        "table",
        "provider",
        "rule_id",
        "days",
        "phase",
        "service",
        "category",
        "fingerprint",
        "in_state",
        "cursor",
        "job_id",
        "operation_id",
        "item_id",
        "queue_name",
        "service_name",
        "key",
        "latest",
        "key_id",
        "actor",
        "operation",
        "pipeline",
        "types",
        "webhook_id",
        "delivery_id",
        "Last-Event-ID",
        "Idempotency-Key",
        "If-Match",
        "since",
        "until",
        "reason",
        "curve",
        "minutes",
        "against",
        "publish",
        "column",
        "row",
        "offset",
        "answers",
        "gate",
        "domain",
        "target",
        "dry_run",
        "template_id",
        "schedule_id",
        "cron",
        "time_zone",
    }
    start = document["components"]["schemas"]["StartRequest"]
    assert (start["required"], start["additionalProperties"]) == (["keywords", "regions"], False)
    for operation in operations.values():
        for status, response in operation["responses"].items():
            if status >= "400" and not (
                status == "503" and operation["operationId"] in {"getHealth", "readyz"}
            ):
                assert response["content"].keys() == {"application/problem+json"}
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', answer.text))
    assert references <= document["components"]["schemas"].keys()
