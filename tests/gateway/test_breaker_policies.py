"""Breakers' policies over REST and on the command line: read, edited field by field, set back."""

import json
from functools import partial
from typing import Any

import anyio
import pytest
from litestar.testing import AsyncTestClient

from services.gateway.cli import group
from shared.domain.breaker import Breaker, BreakerPolicy
from shared.store.breakers import count_breaker
from shared.store.pool import Connection
from shared.testing.rows import fetch
from tests.gateway.operator import TOKEN
from tests.gateway.served import served

pytestmark = pytest.mark.anyio

BREAKERS = "/api/v1/monitoring/circuit-breakers"
PATH = f"{BREAKERS}/serp/policy"
CONFIGURED = BreakerPolicy(10, 300.0)
VERSIONS = "SELECT count(*)::int FROM breaker_policies"


@pytest.fixture
async def ran(conn: Connection) -> None:
    """A worker of serp has run."""
    await count_breaker(conn, "serp", Breaker(), CONFIGURED, CONFIGURED)


@pytest.mark.usefixtures("ran")
async def test_a_policy_is_edited_field_by_field_and_set_back(client: AsyncTestClient[Any]) -> None:
    """What is left out stays, null is as configured; the seed's names do as well; all of it is in the audit log."""
    body = {"failure_threshold": 3, "timeout_seconds": 20, "actor": "ada", "reason": "they are slow"}
    first = await client.patch(f"{BREAKERS}/scale_serp_api/policy", json=body)
    assert first.status_code == 200, first.text
    assert first.json()["edits"] == {"failure_threshold": 3, "timeout_seconds": 20.0}
    assert (first.json()["changed_by"], first.json()["reason"]) == ("ada", "they are slow")

    second = await client.patch(PATH, json={"timeout_seconds": None, "probes": 1, "reason": "better"})
    assert second.json()["edits"] == {"failure_threshold": 3, "probes": 1}
    assert second.json()["in_force"] == second.json()["configured"] | {"failure_threshold": 3, "probes": 1}
    assert second.json()["configured"]["timeout_seconds"] == 300.0
    assert (await client.get(PATH)).json() == second.json()

    detail = (await client.get(f"{BREAKERS}/serp")).json()
    assert detail["policy"] == second.json()
    assert [change["reason"] for change in detail["policy_changes"]] == ["better", "they are slow"]
    listed = {one["service"]: one["edited"] for one in (await client.get(BREAKERS)).json()["items"]}
    assert (listed["serp"], listed["llm"]) == (["failure_threshold", "probes"], [])

    reset = await client.post(f"{PATH}/reset", json={"reason": "over"})
    assert (reset.status_code, reset.json()["edits"]) == (200, {})
    assert reset.json()["in_force"] == reset.json()["configured"]
    log = (await client.get("/api/v1/audit-log", params={"limit": 3})).json()["items"]
    assert [(entry["operation"], entry["reason"]) for entry in log] == [
        ("resetBreakerPolicy", "over"),
        ("editBreakerPolicy", "better"),
        ("editBreakerPolicy", "they are slow"),
    ]


async def test_a_policy_is_edited_by_who_has_seen_it_last(client: AsyncTestClient[Any]) -> None:
    """Of two who have read the same version the second is refused with 412, a reset likewise."""
    seen = {"If-Match": (await client.get(PATH)).headers["etag"]}
    first = await client.patch(PATH, json={"probes": 1, "reason": "x"}, headers=seen)
    assert first.status_code == 200
    for method, path, body in (
        ("PATCH", PATH, {"probes": 3, "reason": "x"}),
        ("POST", f"{PATH}/reset", {"reason": "x"}),
    ):
        late = await client.request(method, path, json=body, headers=seen)
        assert (late.status_code, late.json()["type"]) == (412, "/errors/stale")
    now = {"If-Match": first.headers["etag"]}
    assert (await client.patch(PATH, json={"probes": 3, "reason": "x"}, headers=now)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "pointers"),
    [
        ("PATCH", PATH, b'{"failure_threshold": 0, "probes": "2", "reason": ""}', 422, ["/failure_threshold", "/probes", "/reason"]),
        ("PATCH", PATH, b'{"failure_share": 1.5, "reason": "x"}', 422, ["/failure_share"]),
        ("PATCH", PATH, b'{"timeout_seconds": 0, "reason": "x"}', 422, ["/timeout_seconds"]),
        ("PATCH", PATH, b'{"window_seconds": 4000, "slow_seconds": -1, "reason": "x"}', 422, ["/window_seconds", "/slow_seconds"]),
        ("PATCH", PATH, b'{"failure_treshold": 3, "reason": "x"}', 422, ["/failure_treshold"]),
        ("PATCH", PATH, b'{"probes": 2}', 422, ["/reason"]),
        ("PATCH", PATH, b"{", 400, [""]),
        ("PATCH", PATH, b"7", 422, [""]),
        ("POST", f"{PATH}/reset", b"{}", 422, ["/reason"]),
        ("PATCH", f"{BREAKERS}/srep/policy", b'{"probes": 2, "reason": "x"}', 404, []),
        ("GET", f"{BREAKERS}/srep/policy", b"", 404, []),
    ],
)  # fmt: skip
async def test_a_wrong_edit_names_every_wrong_field_and_changes_nothing(
    client: AsyncTestClient[Any],
    conn: Connection,
    *,
    method: str,
    path: str,
    content: bytes,
    status: int,
    pointers: list[str],
) -> None:
    """With what it must be instead."""
    answer = await client.request(method, path, content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert sorted(error["pointer"] for error in answer.json().get("errors", [])) == sorted(pointers)
    assert await fetch(conn, VERSIONS) == [0]


@pytest.mark.usefixtures("ran")
async def test_the_command_line_shows_sets_and_sets_back(
    postgres_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What holds, and beside what was set what is configured."""

    async def landscape(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as done:
            await anyio.to_thread.run_sync(partial(group.main, ["breakers", *words]))
        assert done.value.code == code, capsys.readouterr().err
        return capsys.readouterr().out

    with served(postgres_url) as url:
        monkeypatch.setenv("LANDSCAPE_URL", url)
        monkeypatch.setenv("LANDSCAPE_TOKEN", TOKEN)
        assert "failure_threshold   10" in await landscape("policy", "serp")
        told = await landscape(
            "set", "serp", "--failure-threshold", "3", "--reason", "slow", "--actor", "ada"
        )
        assert "failure_threshold   3         set; configured: 10" in told
        assert "set by ada" in told
        assert "failure_threshold set by an operator" in await landscape()
        found = json.loads(await landscape("policy", "serp", "--json"))
        assert found["edits"] == {"failure_threshold": 3}
        await landscape("set", "serp", "--reason", "nothing named", code=2)
        await landscape("set", "serp", "--probes", "0", "--reason", "none", code=2)
        assert "set;" not in await landscape("defaults", "serp", "--reason", "over")
