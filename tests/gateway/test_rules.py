"""Error rules over HTTP: read, changed, set back, tried out; a bad change changes nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from shared.domain.category import ErrorCategory, ErrorRule
from shared.errors import StatusError
from shared.store.error_rules import declare_rules
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection
from shared.store.retry_history import Attempt
from shared.testing.jobs import hold
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

RULES = "/api/v1/error-rules"
WHY = {"actor": "ann", "reason": "seen in the log"}
ALL = "SELECT e::text FROM error_categories e ORDER BY rule_id"


@pytest.fixture
async def client(postgres_url: str, conn: Connection) -> AsyncIterator[AsyncTestClient[Any]]:
    """Of a system whose only provider declares two rules."""
    rules = (
        ErrorRule(ErrorCategory.ACCOUNT, status=402),
        ErrorRule(ErrorCategory.THROTTLED, code="busy", pattern="per minute"),
    )
    async with conn.transaction():
        await declare_rules(conn, ScriptedProvider(errors=rules).provider)
    app = create_app(Settings(postgres_url=postgres_url, token="t"))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        test_client.headers["Authorization"] = "Bearer t"
        yield test_client


async def first(client: AsyncTestClient[Any]) -> dict[str, Any]:
    """The rule for status 402."""
    rule: dict[str, Any] = (await client.get(RULES)).json()["rules"][0]
    return rule


async def test_rules_are_listed_with_the_general_ones(client: AsyncTestClient[Any]) -> None:
    """By either name of the provider; what was never edited says so."""
    for query in ("", "?provider=scripted", "?provider=serp"):
        answer = (await client.get(f"{RULES}{query}")).json()
        assert [(rule["status"], rule["code"], rule["category"]) for rule in answer["rules"]] == [
            (402, None, "account"),
            (None, "busy", "throttled"),
        ]
    assert all(rule["declared"] and rule["enabled"] for rule in answer["rules"])
    assert {"category": "throttled", "status": 429, "code": None, "attempts": None} in answer["general"]


async def test_what_is_left_out_of_an_edit_stays(client: AsyncTestClient[Any]) -> None:
    """Who changed it and why is kept; null takes a condition away."""
    rule = await first(client)
    path = f"{RULES}/{rule['rule_id']}"

    edited = await client.patch(path, json={"category": "recoverable", "attempts": 2, **WHY})

    assert edited.status_code == 200
    expected = rule | {"category": "recoverable", "attempts": 2, "declared": False, "changed_by": "ann"}
    got = edited.json()
    changing = {"version", "changed_at", "reason"}
    assert {k: v for k, v in got.items() if k not in changing} == {
        k: v for k, v in expected.items() if k not in changing
    }
    assert got["version"] > rule["version"]
    assert got == await first(client)
    again = await client.patch(path, json={"status": None, "code": "unpaid", "reason": "more of them"})
    assert (again.json()["status"], again.json()["code"]) == (None, "unpaid")
    assert (again.json()["changed_by"], again.json()["attempts"]) == ("api", 2)
    named = await client.patch(path, json={"reason": "signed"}, headers={"X-Actor": "bob"})
    assert named.json()["changed_by"] == "bob"


async def test_a_rule_is_disabled_and_set_back(client: AsyncTestClient[Any]) -> None:
    """Back to what its provider declares, whatever was edited."""
    rule = await first(client)
    path = f"{RULES}/{rule['rule_id']}"
    disabled = await client.patch(path, json={"enabled": False, "category": "quota", **WHY})
    assert (disabled.json()["enabled"], disabled.json()["declared"]) == (False, False)

    back = await client.post(f"{path}/reset", json={"reason": "a mistake"})

    assert back.status_code == 200
    same = rule.keys() - {"version", "changed_at", "changed_by", "reason"}
    assert {name: back.json()[name] for name in same} == {name: rule[name] for name in same}
    assert back.json()["declared"]


async def test_a_rule_is_added_in_front(client: AsyncTestClient[Any]) -> None:
    """It cannot be set back, for nobody declares it."""
    body = {"provider": "serp", "status": 402, "pattern": "top.?up", "category": "quota", **WHY}

    added = await client.post(RULES, json=body)

    assert added.status_code == 201
    rule = added.json()
    assert (rule["provider"], rule["declared"], rule["declaration"]) == ("scripted", False, None)
    assert (await first(client))["rule_id"] == rule["rule_id"]
    refused = await client.post(f"{RULES}/{rule['rule_id']}/reset", json=WHY)
    assert (refused.status_code, refused.json()["type"]) == (409, "/errors/conflict")


async def test_two_operators_do_not_overwrite_each_other(client: AsyncTestClient[Any]) -> None:
    """If they say which version they have seen."""
    rule = await first(client)
    path = f"{RULES}/{rule['rule_id']}"
    edit = {"attempts": 2, "version": rule["version"], **WHY}

    assert (await client.patch(path, json=edit)).status_code == 200
    late = await client.patch(path, json=edit | {"attempts": 3})

    assert (late.status_code, "ann" in late.json()["detail"]) == (409, True)
    assert (await first(client))["attempts"] == 2


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown category": ({"category": "fatal"}, "/category"),
    "unknown strategy": ({"strategy": "fibonacci"}, "/strategy"),
    "no expression": ({"pattern": "("}, "/pattern"),
    "an expression that may take for ever": ({"pattern": "(a+)+$"}, "/pattern"),
    "no attempts": ({"attempts": 0}, "/attempts"),
    "half an attempt": ({"attempts": 1.5}, "/attempts"),
    "delays the wrong way round": ({"base_seconds": 20, "cap_seconds": 10}, "/cap_seconds"),
    "negative delay": ({"base_seconds": -1}, "/base_seconds"),
    "unknown moment": ({"category": "quota", "until": "tomorrow"}, "/until"),
    "a moment without a quota": ({"until": "midnight_pacific"}, "/until"),
    "no condition left": ({"status": None}, ""),
    "no status": ({"status": 42}, "/status"),
    "no code": ({"code": ""}, "/code"),
    "unknown field": ({"categry": "quota"}, "/categry"),
    "nobody's reason": ({"reason": " "}, "/reason"),
    "a name in two lines": ({"actor": "a\nb"}, "/actor"),
    "what no database holds": ({"pattern": "a\0"}, "/pattern"),
    "a reason in two lines": ({"reason": "because\nso"}, "/reason"),
    "a number that is none": ({"cap_seconds": 1e300}, "/cap_seconds"),
    "not a truth": ({"enabled": "no"}, "/enabled"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_edit_names_the_field_and_changes_nothing(
    case: str, client: AsyncTestClient[Any], conn: Connection
) -> None:
    """As a problem, for an edit and for a new rule alike."""
    change, pointer = BAD[case]
    path = f"{RULES}/{(await first(client))['rule_id']}"
    before = await fetch(conn, ALL)
    new = {"provider": "scripted", "status": 402, "category": "account", **WHY} | change
    for method, url, body in (("PATCH", path, WHY | change), ("POST", RULES, new)):
        answer = await client.request(method, url, json=body)
        assert answer.status_code == 422, url
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], url
    assert await fetch(conn, ALL) == before


@pytest.mark.parametrize(
    ("method", "path", "content", "expected"),
    [
        ("POST", RULES, b'{"provider":"bing","status":1,"category":"quota","reason":"x"}', (422, "/status")),
        (
            "POST",
            RULES,
            b'{"provider":"bing","status":402,"category":"quota","reason":"x"}',
            (422, "/provider"),
        ),
        ("POST", RULES, b'{"provider":"scripted","status":402,"reason":"x"}', (422, "/category")),
        ("POST", RULES, b'{"provider":"scripted","status":402,"category":"quota"}', (422, "/reason")),
        ("GET", f"{RULES}?provider=bing", b"", (422, "?provider")),
        ("POST", RULES, b"{", (400, "")),
        ("GET", f"{RULES}?provider=%00", b"", (422, "?provider")),
        (
            "POST",
            RULES,
            b'{"provider":"\\u0000","status":402,"category":"quota","reason":"x"}',
            (422, "/provider"),
        ),
        ("PATCH", f"{RULES}/none", b"{}", (404, None)),
        ("PATCH", f"{RULES}/%00", b"{}", (404, None)),
        ("POST", f"{RULES}/none/reset", b'{"reason":"x"}', (404, None)),
        ("POST", f"{RULES}/none/dry-run", b"{}", (404, None)),
        (
            "POST",
            f"{RULES}/dry-run",
            b'{"provider":"bing","code":"x","category":"quota"}',
            (422, "/provider"),
        ),
        ("POST", f"{RULES}/dry-run?days=0", b"{}", (422, "?days")),
    ],
)
async def test_what_cannot_be_done_is_a_problem(
    client: AsyncTestClient[Any],
    method: str,
    path: str,
    content: bytes,
    expected: tuple[int, str | None],
) -> None:
    """Unknown providers, unknown rules, bodies that are none."""
    before = (await client.get(RULES)).json()
    status, pointer = expected
    answer = await client.request(method, path, content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await client.get(RULES)).json() == before


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff", b""])
async def test_an_edit_that_is_no_object_is_a_problem(client: AsyncTestClient[Any], body: bytes) -> None:
    """Never an error of ours."""
    path = f"{RULES}/{(await first(client))['rule_id']}"
    for url, method in ((path, "PATCH"), (f"{path}/dry-run", "POST"), (f"{path}/reset", "POST")):
        assert (await client.request(method, url, content=body)).status_code in {400, 422}


async def test_a_dry_run_counts_attempts_and_changes_nothing(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Held against the rules as they are now, whatever they were when it happened."""
    job = await hold(conn, 6)
    minute, day = '{"m": "100 per minute"}', '{"m": "100 per day"}'
    errors = [StatusError("x", status=429, codes=("busy",), body=text) for text in (minute, minute, day)]
    errors += [StatusError("x", status=status) for status in (402, 500, 500)]
    async with conn.transaction():
        await record(
            conn,
            [
                Record(
                    ending=Ending(job.pipeline_id, item.item_id, job.job_id, job.phase, "failed", spent=1),
                    attempt=Attempt.of(1, "recoverable", "x", error),
                )
                for item, error in zip(job.items, errors, strict=True)
            ],
        )
    before = await fetch(conn, ALL)
    path = f"{RULES}/{(await first(client))['rule_id']}/dry-run"

    edited = await client.post(path, json={"enabled": False, "status": 500})
    assert edited.json() == {
        "days": 7.0,
        "attempts": 6,
        "reclassified": 0,
        "changes": [],
        "complete": True,
    }
    edited = await client.post(path, json={"status": 500, "category": "quota"})
    assert edited.json()["changes"] == [{"old": "recoverable", "new": "quota", "attempts": 2}]
    daily = {"provider": "cognism", "code": "busy", "category": "quota"}
    assert (await client.post(f"{RULES}/dry-run", json=daily)).status_code == 422  # another provider's name
    added = await client.post(f"{RULES}/dry-run?days=1", json=daily | {"provider": "serp"})
    assert (added.json()["days"], added.json()["reclassified"]) == (1.0, 3)
    assert added.json()["changes"] == [{"old": "throttled", "new": "quota", "attempts": 3}]
    wrong = await client.post(path, json={"pattern": "("})
    assert wrong.json()["errors"][0]["pointer"] == "/pattern"
    assert await fetch(conn, ALL) == before

    statistics = (await client.get("/api/v1/monitoring/retry-statistics?days=2")).json()
    assert statistics["days"] == 2
    assert [(line["phase"], line["attempts"], line["retries"]) for line in statistics["phases"]] == [
        ("serp_collection", 6, 0)
    ]
