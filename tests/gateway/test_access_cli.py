"""`landscape keys` and `landscape audit-log` against a real gateway."""

import json
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from services.gateway.cli import exits
from services.gateway.cli.group import main
from tests.gateway.operator import TOKEN
from tests.gateway.routes import NOBODY, bearer
from tests.gateway.served import served


@pytest.fixture(autouse=True)
def gateway_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with served(postgres_url) as url:
        monkeypatch.setenv("LANDSCAPE_URL", url)
        monkeypatch.setenv("LANDSCAPE_TOKEN", TOKEN)
        yield url


def landscape(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints on standard output."""
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert end.value.code == code
    return capsys.readouterr().out


def test_a_key_is_made_used_listed_and_revoked(
    capsys: pytest.CaptureFixture[str], gateway_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output of `create` is the key alone, so that a script can take it."""
    assert landscape(capsys, "keys") == ""
    key = landscape(
        capsys, "keys", "create", "ci", "--role", "operator", "--days", "30", "--reason", "x"
    ).strip()
    assert httpx.get(f"{gateway_url}/api/v1/pipeline", headers=bearer(key)).status_code == 200
    (found,) = json.loads(landscape(capsys, "keys", "--json"))["items"]
    assert (found["name"], found["role"]) == ("ci", "operator")
    assert "expires" in landscape(capsys, "keys")
    assert "revoked" in landscape(capsys, "keys", "revoke", found["key_id"], "--yes")
    head, *log = landscape(capsys, "audit-log", "--by", "api").splitlines()
    assert head.split()[:4] == ["asked", "at", "answer", "operation"]
    assert [line.split()[2] for line in log] == ["revokeKey", "createKey"]
    assert json.loads(landscape(capsys, "audit-log", "--operation", "createKey", "--json"))["items"]
    monkeypatch.setenv("LANDSCAPE_TOKEN", key)
    landscape(capsys, "keys", code=exits.AUTH)


def test_a_command_acts_by_the_name_of_its_key(
    capsys: pytest.CaptureFixture[str], gateway_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless --actor says somebody else."""
    body = {"keywords": ["crm"], "regions": ["US"]}
    started = httpx.post(f"{gateway_url}/api/v1/pipeline/start", json=body, headers=bearer(TOKEN)).json()
    key = landscape(capsys, "keys", "create", "night shift", "--role", "operator").strip()
    monkeypatch.setenv("LANDSCAPE_TOKEN", key)
    landscape(capsys, "pause", started["pipeline_id"], "--reason", "dear")
    landscape(capsys, "unpause", started["pipeline_id"], "--actor", "ann")
    log = json.loads(landscape(capsys, "audit-log", "--limit", "2", "--json"))["items"]
    assert [(entry["actor"], entry["reason"]) for entry in log] == [("ann", ""), ("night shift", "dear")]


def test_what_a_command_does_is_done_once_however_often_it_arrives(
    capsys: pytest.CaptureFixture[str], gateway_url: str, postgres_url: str
) -> None:
    """Each run sends a key of its own with what takes one, for whatever stands between it and the gateway."""
    body = {"keywords": ["crm"], "regions": ["US"]}
    started = httpx.post(f"{gateway_url}/api/v1/pipeline/start", json=body, headers=bearer(TOKEN)).json()
    for _ in range(2):
        landscape(capsys, "retry-failed", started["pipeline_id"], "--yes")
    landscape(capsys, "clone", started["pipeline_id"])
    with psycopg.connect(postgres_url) as connection:
        paths = connection.execute("SELECT path FROM idempotency_keys ORDER BY created_at").fetchall()
    assert [path.rpartition("/")[2] for (path,) in paths] == ["retry-failed", "retry-failed", "clone"]


def test_events_are_listed(capsys: pytest.CaptureFixture[str], gateway_url: str) -> None:
    """By name and of one pipeline, as lines for people or for programs."""
    with httpx.Client(base_url=gateway_url, headers=bearer(TOKEN)) as client:
        body = {"keywords": ["crm"], "regions": ["US"]}
        ids = [client.post("/api/v1/pipeline/start", json=body).json()["pipeline_id"] for _ in range(2)]
    assert [line.split()[2] for line in landscape(capsys, "events").splitlines()] == ["pipeline.started"] * 2
    lines = landscape(
        capsys, "events", "--pipeline", ids[1], "--type", "pipeline.started", "--json"
    ).splitlines()
    assert [json.loads(line)["pipeline_id"] for line in lines] == [ids[1]]
    landscape(capsys, "events", "--type", "nothing", code=exits.USAGE)


def test_a_webhook_is_registered_tested_and_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output of `create` is the secret alone."""
    assert landscape(capsys, "webhooks") == ""
    secret = landscape(capsys, "webhooks", "create", "https://hooks.example/x", "--event", "pipeline.failed")
    assert secret.startswith("whsec_")
    (found,) = json.loads(landscape(capsys, "webhooks", "--json"))["items"]
    webhook_id = found["webhook_id"]
    assert "pipeline.failed" in landscape(capsys, "webhooks")
    assert "delivery 1" in landscape(capsys, "webhooks", "test", webhook_id)
    assert "not tried yet" in landscape(capsys, "webhooks", "deliveries", webhook_id)
    assert (
        json.loads(landscape(capsys, "webhooks", "deliveries", webhook_id, "--state", "failed", "--json"))[
            "items"
        ]
        == []
    )
    landscape(capsys, "webhooks", "redeliver", webhook_id, "1", code=exits.CONFLICT)
    assert "pipeline.failed" in landscape(capsys, "webhooks", "enable", webhook_id)
    assert "deleted" in landscape(capsys, "webhooks", "delete", webhook_id, "--yes", "--reason", "moved")
    (entry,) = json.loads(landscape(capsys, "audit-log", "--limit", "1", "--json"))["items"]
    assert (entry["operation"], entry["reason"]) == ("deleteWebhook", "moved")
    landscape(capsys, "webhooks", "create", "http://10.0.0.1/", code=exits.USAGE)


def test_a_key_without_the_scope_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, as without any key; the message names the scope."""
    monkeypatch.setenv("LANDSCAPE_TOKEN", landscape(capsys, "keys", "create", "looker").strip())
    with pytest.raises(SystemExit) as end:
        main(["keys"])
    assert end.value.code == exits.AUTH
    told = capsys.readouterr().err
    assert "keys:admin" in told
    assert "LANDSCAPE_TOKEN" not in told  # it is set, and valid


@pytest.mark.parametrize(
    "words",
    [
        ("rewind", NOBODY, "a?b"),
        ("checkpoint", NOBODY, "--verify", "a?b"),
        ("breakers", "show", "serp?b"),
        ("breakers", "reset", "serp#b"),
        ("queues", "unpause", "serp?b"),
        ("why", "--service", "serp?b"),
    ],
)
def test_a_name_is_one_part_of_a_path(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Whatever letters it has: the rest of the path is not cut off, and nothing else is done."""
    landscape(capsys, *words, code=exits.NOT_FOUND)
