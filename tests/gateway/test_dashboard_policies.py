"""Breakers' policies on the screen: shown, changed field by field, set back, and kept from who was too late."""

from typing import Any

import pytest
from lxml import html

from shared.domain.breaker import Breaker, BreakerPolicy
from shared.store.breakers import count_breaker
from shared.store.pool import Connection
from shared.testing.rows import fetch
from tests.gateway.operator import Operator, links, text_of

pytestmark = pytest.mark.anyio

PAGE = "/ui/breakers/serp"
EDIT, RESET = "/ui/actions/edit-policy", "/ui/actions/reset-policy"
ASK = f"{EDIT}?service=serp&back={PAGE}"
VERSIONS = "SELECT edits FROM breaker_policies ORDER BY version"


@pytest.fixture(autouse=True)
async def ran(conn: Connection) -> None:
    """A worker of serp has run."""
    policy = BreakerPolicy(10, 300.0)
    await count_breaker(conn, "serp", Breaker(), policy, policy)


def value(page: str, field: str) -> str:
    """What a field of the page's form holds."""
    (found,) = html.fromstring(page).xpath(f"//form//input[@name='{field}']/@value")
    return str(found)


async def test_a_policy_is_changed_and_set_back(operator: Operator, conn: Connection) -> None:
    """From the breaker's page: what is left empty is as configured; actor and reason are shown beside it."""
    page = await operator.see(PAGE)
    assert "Opens after so many faults 10 10" in text_of(page)
    assert not [link for link in links(page) if RESET in link]
    (way,) = [link for link in links(page) if EDIT in link]
    ask = await operator.see(way)
    assert "Nothing is set" in text_of(ask)
    assert "In a row, or within the window. Empty: 10, as configured." in text_of(ask)
    done = await operator.do(ask, EDIT, failure_threshold="3", slow_seconds="2.5", reason="they are slow")
    assert (
        "The breaker of serp goes by failure threshold 3, slow seconds 2.5, else by what is configured."
        in done
    )
    assert "Opens after so many faults 3 10 3" in done
    assert "ago: they are slow" in done
    present = await operator.see(ASK)
    assert (value(present, "failure_threshold"), value(present, "slow_seconds")) == ("3", "2.5")
    assert "Set by ada: failure threshold 3, slow seconds 2.5. Why: they are slow." in text_of(present)
    await operator.do(present, EDIT, failure_threshold="", reason="they are many")
    (way,) = [link for link in links(await operator.see(PAGE)) if RESET in link]
    back = await operator.do(await operator.see(way), RESET, reason="over")
    assert "The breaker of serp goes by what is configured." in back
    assert "as configured ada over" in back
    edits = [{"failure_threshold": 3, "slow_seconds": 2.5}, {"slow_seconds": 2.5}, {}]
    assert await fetch(conn, VERSIONS) == edits


async def test_every_wrong_field_is_named_beside_it(operator: Operator, conn: Connection) -> None:
    """What was typed stays, also what is no number, and nothing is changed."""
    typed: dict[str, Any] = {
        "failure_threshold": "2.5",
        "probes": "0",
        "timeout_seconds": "soon",
        "window_seconds": "nan",
        "success_threshold": "9" * 400,
    }
    refused = await operator.submit(await operator.see(ASK), EDIT, **typed)
    assert refused.status_code == 422
    for field in (*typed, "reason"):
        (problem,) = html.fromstring(refused.text).xpath(f"//*[@id='{field}-problem']/text()")
        assert problem
        (told,) = html.fromstring(refused.text).xpath(f"//*[@id='{field}'][@aria-invalid]/@aria-describedby")
        assert f"{field}-problem" in told
    assert {field: value(refused.text, field) for field in typed} == typed
    assert await fetch(conn, VERSIONS) == []


async def test_who_was_too_late_reads_it_again(operator: Operator, conn: Connection) -> None:
    """The form then holds what somebody else has set, but for the reason; sent again, it is done."""
    early, late = await operator.see(ASK), await operator.see(ASK)
    await operator.do(early, EDIT, probes="1", reason="careful")
    refused = await operator.submit(late, EDIT, failure_threshold="3", reason="they are slow")
    assert refused.status_code == 412
    assert "it was changed since you read it" in text_of(refused.text)
    assert "Set by ada: probes 1. Why: careful." in text_of(refused.text)
    now = [value(refused.text, field) for field in ("failure_threshold", "probes", "reason")]
    assert now == ["", "1", "they are slow"]
    await operator.do(refused.text, EDIT, failure_threshold="3")
    assert (await fetch(conn, VERSIONS))[-1] == {"failure_threshold": 3, "probes": 1}


@pytest.mark.parametrize("action", [EDIT, RESET])
async def test_a_form_that_has_not_shown_what_it_changes_changes_nothing(
    operator: Operator, conn: Connection, action: str
) -> None:
    """The API call beside it says what was seen, too."""
    page = await operator.see(f"{action}?service=serp&back={PAGE}")
    blind = await operator.submit(page, action, reason="x", seen=None)
    assert blind.status_code == 412
    assert "If-Match" in text_of(page)
    assert await fetch(conn, VERSIONS) == []
