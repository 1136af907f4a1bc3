"""Rules as rows: declared, edited, set back, and kept through other versions of the declaration."""

from dataclasses import replace
from typing import Any

import msgspec
import psycopg
import pytest

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.error_rule import RuleData
from shared.domain.provider import Provider
from shared.errors import NotFoundError
from shared.store.error_rules import (
    RuleRow,
    add_rule,
    declare_rules,
    edit_rule,
    find_provider,
    find_rules,
    get_rule,
    rules_version,
)
from shared.store.pool import Connection
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

C = ErrorCategory
WHO = {"actor": "ann", "reason": "seen in the log"}


def provider(*statuses: int, name: str = "scripted", category: ErrorCategory = C.ACCOUNT) -> Provider:
    """Declares a rule for each of these statuses."""
    rules = tuple(ErrorRule(category, status=status) for status in statuses)
    return replace(ScriptedProvider(errors=rules).provider, name=name)


async def declare(conn: Connection, declaring: Provider) -> list[RuleRow]:
    async with conn.transaction():
        await declare_rules(conn, declaring)
    return await find_rules(conn, declaring.name)


async def edit(conn: Connection, row: RuleRow, **changes: Any) -> RuleRow:
    return await edit_rule(conn, row.rule_id, msgspec.structs.replace(row.data, **changes), **WHO)


async def test_declared_rules_are_rows_in_their_order(conn: Connection) -> None:
    """With what the provider's retry policy says where the rule says nothing."""
    rows = await declare(conn, provider(401, 402))

    assert [(row.data.status, row.data.category, row.declared) for row in rows] == [
        (401, "account", True),
        (402, "account", True),
    ]
    assert {(row.provider, row.service) for row in rows} == {("scripted", "serp")}
    assert rows[0].data == rows[0].declaration
    assert (rows[0].data.attempts, rows[0].data.base_seconds) == (3, 60.0)


async def test_declaring_the_same_again_changes_nothing(conn: Connection) -> None:
    """Every leader does it, every minute."""
    before = await declare(conn, provider(401, 402))
    version = await rules_version(conn, "scripted")

    assert await declare(conn, provider(401, 402)) == before
    assert await rules_version(conn, "scripted") == version


async def test_rules_follow_a_new_declaration_unless_they_were_edited(conn: Connection) -> None:
    """What an operator wanted is kept; it can be set back to what is declared now."""
    first, _, last = await declare(conn, provider(401, 402, 403))
    edited = await edit(conn, first, category="recoverable", attempts=7)
    assert (edited.declared, edited.changed_by, edited.reason) == (False, "ann", "seen in the log")

    rows = await declare(conn, provider(400, 401, 403, category=C.QUOTA))

    found = {row.data.status: row for row in rows}
    assert found.keys() == {400, 401, 403}
    assert (found[401].data.category, found[401].data.attempts) == ("recoverable", 7)
    assert (found[403].rule_id, found[403].data.category) == (last.rule_id, "quota")
    declaration = found[401].declaration
    assert declaration
    assert (declaration.category, declaration.ordinal) == ("quota", 20)
    back = await edit_rule(conn, first.rule_id, declaration, **WHO)
    assert back.declared
    assert (await declare(conn, provider(401, category=C.THROTTLED)))[0].data.category == "throttled"


async def test_an_edited_rule_outlives_its_declaration(conn: Connection) -> None:
    """From then on it is the operator's own."""
    (row,) = await declare(conn, provider(401))
    await edit(conn, row, enabled=False)

    (kept,) = await declare(conn, provider())

    assert (kept.rule_id, kept.declared, kept.declaration) == (row.rule_id, False, None)
    assert not kept.data.enabled


async def test_an_added_rule_is_nobodys_declaration(conn: Connection) -> None:
    """It stands where its ordinal says, and no leader takes it away."""
    await declare(conn, provider(401))
    data = RuleData(ordinal=0, code="new", pattern="a b", category="quota", until="midnight_pacific")
    added = await add_rule(conn, "scripted", "serp", data, **WHO)

    rows = await declare(conn, provider(401))

    assert rows[0].rule_id == added.rule_id
    assert (rows[0].data, rows[0].declared, rows[0].declaration) == (data, False, None)


async def test_every_change_has_a_version_of_its_own(conn: Connection) -> None:
    """Also two changes that undo each other, and rules that come and go; another provider's changes do not count."""
    versions = [await rules_version(conn, "scripted")]
    for step in (provider(401), provider(402), provider(401, 402), provider(402), provider(401)):
        await declare(conn, step)
        versions.append(await rules_version(conn, "scripted"))
    (row,) = await find_rules(conn, "scripted")
    for enabled in (False, True):
        await edit(conn, row, enabled=enabled)
        versions.append(await rules_version(conn, "scripted"))
    await declare(conn, provider(404, name="another"))
    assert len(set(versions)) == len(versions)
    assert await rules_version(conn, "scripted") == versions[-1]


async def test_providers_rules_stay_apart(conn: Connection) -> None:
    """The same conditions of two providers are two rules; both names of a service find its provider."""
    await declare(conn, provider(401))
    await declare(conn, provider(401, 402, name="another"))

    assert len(await find_rules(conn)) == 3
    assert len(await find_rules(conn, "another")) == 2
    assert await find_provider(conn, "scripted") == ("scripted", "serp")
    assert await find_provider(conn, "serp") == ("another", "serp")
    assert await find_provider(conn, "nobody") is None
    with pytest.raises(NotFoundError, match="no-such-rule"):
        await get_rule(conn, "no-such-rule")


@pytest.mark.parametrize(
    "wrong",
    [
        "category = 'fatal'", "strategy = 'sometimes'", "attempts = 0", "base_seconds = -1",
        "base_seconds = 10, cap_seconds = 5", "until = 'tomorrow'",
    ],
)  # fmt: skip
async def test_the_table_itself_refuses_nonsense(conn: Connection, wrong: str) -> None:
    """Also from whoever writes to it directly."""
    await declare(conn, provider(401))

    with pytest.raises(psycopg.errors.CheckViolation):
        await conn.execute(f"UPDATE error_categories SET {wrong}".encode())  # noqa: S608 - of above

    assert await fetch(conn, "SELECT category FROM error_categories") == ["account"]
