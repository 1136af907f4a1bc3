"""API keys: shown once, kept as a hash, good for what their scopes say and for nothing else."""

from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.testing import AsyncTestClient

from services.gateway.security import is_write
from shared.domain.scope import ROLES, Scope
from shared.store.pool import Connection
from tests.gateway.routes import NOBODY, api_routes, bearer

pytestmark = pytest.mark.anyio

KEYS = "/api/v1/keys"
#: What each operation takes, written down once more: a route whose scope changes is a change of who may do what.
_OPERATIONS = {
    Scope.READ_PIPELINES: (
        "auditPipeline getBudget getItem getPipeline getProgress listCallsInDoubt listCheckpoints "
        "getSchedule getTemplate listFailedItems listFires listItems listPipelineActions listPipelines listSchedules "
        "listTemplates planPipeline previewSchedule verifyCheckpoint whyItem whyPipeline"
    ),
    Scope.WRITE_PIPELINES: (
        "cancelPipeline clonePipeline createCheckpoint createSchedule createTemplate decideCallsInDoubt deletePipeline "
        "deleteSchedule deleteTemplate editSchedule editTemplate pausePipeline pauseSchedule restartPhase "
        "resumePipeline rewindPipeline runSchedule setBudget startPipeline startTemplate takeBackWaiver tryTemplate "
        "unpausePipeline unpauseSchedule waiveGate"
    ),
    Scope.READ_REPORTS: "getLineage getReport getReportByCurve listOverrides listWaivers",
    Scope.READ_OPERATIONS: (
        "getBreaker getBreakerPolicy getDeadLetter getErrorRule getHealth getOperation getRetryStatistics getServiceHealth "
        "groupDeadLetters listAuditLog listBreakers listDeadLetters listErrorRules listEvents "
        "listJobQueues listOperations listProviders listQueueActions listServices listSpending listWorkers "
        "openapi streamEvents tryErrorRule tryErrorRuleEdit whyService"
    ),
    Scope.WRITE_BREAKERS: "closeBreaker openBreaker resetBreaker",
    Scope.WRITE_QUEUES: "pauseQueue retryDeadLetters unpauseQueue",
    Scope.WRITE_DEAD_LETTERS: "cancelOperation discardDeadLetters editDeadLetter replayDeadLetters retryFailed",
    Scope.WRITE_SETTINGS: (
        "addErrorRule createWebhook deleteWebhook dropOverride editBreakerPolicy editErrorRule enableWebhook "
        "getWebhook listDeliveries listWebhooks overrideCompany redeliver resetBreakerPolicy resetErrorRule "
        "testWebhook"
    ),
    Scope.ADMINISTER_KEYS: "createKey getKey listKeys revokeKey",
}
SCOPES = {operation: scope for scope, operations in _OPERATIONS.items() for operation in operations.split()}


def scope_of(handler: HTTPRouteHandler) -> Scope:
    """By the table."""
    return SCOPES[handler.operation_id if isinstance(handler.operation_id, str) else handler.handler_name]


async def make(client: AsyncTestClient[Any], **body: Any) -> str:
    """A key that was just made."""
    answer = await client.post(KEYS, json={"name": "a test's", **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def test_without_a_valid_key_every_route_says_401(client: AsyncTestClient[Any]) -> None:
    """Whatever the route, whatever is wrong with the key; nothing is read before."""
    routes = list(api_routes(client.app))
    assert len(routes) > 45
    for method, path, _ in routes:
        for headers in ({"Authorization": ""}, bearer("wrong"), bearer(f"lsk_{'0' * 32}_x"), bearer("lsk_ä")):
            answer = await client.request(
                method, path, headers={b"Authorization": headers["Authorization"].encode()}
            )
            assert answer.status_code == 401, (method, path, headers)
            assert answer.json()["type"] == "/errors/unauthorized"
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_table_has_every_operation(client: AsyncTestClient[Any]) -> None:
    """And no other."""
    assert {
        handler.operation_id or handler.handler_name for _, _, handler in api_routes(client.app)
    } == SCOPES.keys()


async def test_with_a_key_of_the_wrong_scope_every_route_says_403(client: AsyncTestClient[Any]) -> None:
    """For each route: a key that has every scope but its own is refused, and the problem names the scope."""
    keys: dict[Scope, str] = {}
    for scope in Scope:
        keys[scope] = await make(client, role="admin", scopes=sorted(set(Scope) - {scope}))
    for method, path, handler in api_routes(client.app):
        scope = scope_of(handler)
        answer = await client.request(method, path, headers=bearer(keys[scope]))
        assert answer.status_code == 403, (method, path)
        assert answer.json()["type"] == "/errors/forbidden"
        assert scope in answer.json()["detail"]


async def test_with_a_key_of_the_right_scope_every_route_lets_in(client: AsyncTestClient[Any]) -> None:
    """One scope suffices: what is answered then is the route's own."""
    keys = {scope: await make(client, role="admin", scopes=[scope]) for scope in Scope}
    for method, path, handler in api_routes(client.app):
        if path.endswith("/events"):
            continue  # an answer that does not end
        answer = await client.request(method, path, headers=bearer(keys[scope_of(handler)]))
        assert answer.status_code not in {401, 403, 500}, (method, path)


async def test_a_viewer_changes_nothing_and_an_operator_no_settings(client: AsyncTestClient[Any]) -> None:
    """By role, over all routes."""
    for method, _, handler in api_routes(client.app):
        scope = scope_of(handler)
        if is_write(handler, method):
            assert scope not in ROLES["viewer"]
    assert ROLES["operator"].isdisjoint({Scope.WRITE_SETTINGS, Scope.ADMINISTER_KEYS})
    viewer, operator = await make(client, role="viewer"), await make(client, role="operator")
    cancel = f"/api/v1/pipeline/{NOBODY}/cancel"
    assert (await client.post(cancel, headers=bearer(viewer))).status_code == 403
    assert (await client.post(cancel, headers=bearer(operator))).status_code == 404
    assert (await client.get("/api/v1/pipeline", headers=bearer(viewer))).status_code == 200
    assert (await client.get(KEYS, headers=bearer(operator))).status_code == 403
    assert (await client.post("/api/v1/error-rules", headers=bearer(operator))).status_code == 403


async def test_a_key_is_told_once_and_kept_as_a_hash(client: AsyncTestClient[Any], conn: Connection) -> None:
    """No later answer holds it, and neither does the record."""
    key = await make(client, role="viewer")
    secret = key.split("_", 2)[2]  # which may hold the separator itself
    listed = await client.get(KEYS)
    assert secret not in listed.text
    (found,) = listed.json()["items"]
    assert (found["name"], found["role"], found["expires_at"]) == ("a test's", "viewer", None)
    assert found["scopes"] == ["ops:read", "pipelines:read", "reports:read"]
    cursor = await conn.execute("SELECT k::text FROM api_keys k UNION ALL SELECT l::text FROM audit_log l")
    assert all(secret not in str(row) and key not in str(row) for row in await cursor.fetchall())


async def test_that_a_key_was_used_is_seen(client: AsyncTestClient[Any]) -> None:
    """To the minute; a try with the wrong secret is no use."""
    key = await make(client)
    await client.get("/api/v1/pipeline", headers=bearer(key[:-1] + ("A" if key[-1] != "A" else "B")))
    (unused,) = (await client.get(KEYS)).json()["items"]
    assert unused["last_used_at"] is None
    assert (await client.get("/api/v1/pipeline", headers=bearer(key))).status_code == 200
    used = (await client.get(f"{KEYS}/{unused['key_id']}")).json()
    assert used["last_used_at"] is not None


async def test_a_revoked_or_expired_key_opens_nothing(client: AsyncTestClient[Any], conn: Connection) -> None:
    """From the next request on; revoking again changes nothing."""
    key, short = await make(client), await make(client, expires_in_days=1)
    assert (await client.get("/api/v1/pipeline", headers=bearer(short))).status_code == 200
    await conn.execute(
        "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL"
    )
    assert (await client.get("/api/v1/pipeline", headers=bearer(short))).status_code == 401
    key_id = next(
        item["key_id"] for item in (await client.get(KEYS)).json()["items"] if not item["expires_at"]
    )
    first = (await client.post(f"{KEYS}/{key_id}/revoke")).json()["revoked_at"]
    assert (await client.post(f"{KEYS}/{key_id}/revoke", json={"reason": "again"})).json()[
        "revoked_at"
    ] == first
    assert (await client.get("/api/v1/pipeline", headers=bearer(key))).status_code == 401
    assert (await client.post(f"{KEYS}/{NOBODY}/revoke")).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({}, "/name"),
        ({"name": "x", "role": "owner"}, "/role"),
        ({"name": "x", "role": "viewer", "scopes": ["keys:admin"]}, "/scopes"),
        ({"name": "x", "scopes": ["all"]}, "/scopes/0"),
        ({"name": "x", "expires_in_days": 0}, "/expires_in_days"),
        ({"name": "x", "color": "red"}, "/color"),
    ],
)
async def test_a_wrong_wish_for_a_key_names_the_field(
    client: AsyncTestClient[Any], body: dict[str, Any], pointer: str
) -> None:
    """And makes none."""
    answer = await client.post(KEYS, json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await client.get(KEYS)).json()["items"] == []
