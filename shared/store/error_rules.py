"""Error rules as rows: declared by each service's leader, edited by operators, read by every worker."""

import uuid
from typing import cast

import msgspec

from shared.domain.error_rule import RuleData, declared
from shared.domain.event import EventName
from shared.domain.provider import Provider
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.events import emit
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("error_rules")


class RuleRow(msgspec.Struct, frozen=True):
    """A row of error_categories."""

    rule_id: str
    provider: str
    service: str
    data: RuleData
    declared: bool
    """As its provider declares it."""
    declaration: RuleData | None
    """What that is; None: somebody added the rule."""
    version: int
    changed_by: str
    reason: str
    changed_at: str
    """ISO 8601."""


async def declare_rules(conn: Connection, provider: Provider) -> None:
    """Make what a provider declares its rows; edited rows keep their values. One transaction, the caller's."""
    rules = declared(provider)
    parameters = {
        "provider": provider.name,
        "service": provider.service,
        "ids": list(rules),
        "rules": rows({"rule_id": rule_id, "declaration": rule} for rule_id, rule in rules.items()),
    }
    for name in ("delete_undeclared", "disown_edited", "insert_declared", "update_declarations"):
        await conn.execute(_SQL[name], parameters)


async def rules_version(conn: Connection, provider: str) -> tuple[int, int]:
    """Differs after every change of the provider's rules."""
    cursor = await conn.execute(_SQL["sum_versions"], {"provider": provider})
    return cast("list[tuple[int, int]]", await cursor.fetchall())[0]


async def find_rules(conn: Connection, provider: str | None = None) -> list[RuleRow]:
    """All rules of a provider in their order, or of all providers."""
    return await _find(conn, provider=provider)


async def get_rule(conn: Connection, rule_id: str) -> RuleRow:
    """One rule, kept from others' changes until the transaction ends. Raises NotFoundError."""
    if rule_id.isprintable():  # anything else is no id, and may be what Postgres refuses
        await conn.execute(_SQL["lock_rule"], {"rule_id": rule_id})
        for row in await _find(conn, rule_id=rule_id):
            return row
    raise NotFoundError(f"no error rule has the id {rule_id[:60]!r}")


async def find_provider(conn: Connection, name: str) -> tuple[str, str] | None:
    """(provider, service) by the name of either; None when no rule of it is known."""
    if not name.isprintable():
        return None
    cursor = await conn.execute(_SQL["find_provider"], {"name": name})
    return cast("tuple[str, str] | None", await cursor.fetchone())


async def add_rule(
    conn: Connection, provider: str, service: str, data: RuleData, *, actor: str, reason: str
) -> RuleRow:
    """A rule no provider declares."""
    rule_id = f"{provider}-{uuid.uuid4().hex[:8]}"
    parameters = {
        "rule_id": rule_id,
        "provider": provider,
        "service": service,
        "values": msgspec.json.encode(data).decode(),
        "actor": actor,
        "reason": reason,
    }
    await conn.execute(_SQL["insert_rule"], parameters)
    return await _tell(conn, await get_rule(conn, rule_id))


async def edit_rule(conn: Connection, rule_id: str, data: RuleData, *, actor: str, reason: str) -> RuleRow:
    """Give a rule other values; those it was declared with make it a declared one again."""
    values = msgspec.json.encode(data).decode()
    parameters = {"rule_id": rule_id, "values": values, "actor": actor, "reason": reason}
    await conn.execute(_SQL["update_rule"], parameters)
    return await _tell(conn, await get_rule(conn, rule_id))


async def _tell(conn: Connection, row: RuleRow) -> RuleRow:
    told = {"rule_id": row.rule_id, "provider": row.provider, "actor": row.changed_by, "reason": row.reason}
    await emit(conn, EventName.RULE_CHANGED, told, service=row.service)
    return row


async def _find(
    conn: Connection, *, provider: str | None = None, rule_id: str | None = None
) -> list[RuleRow]:
    cursor = await conn.execute(_SQL["find_rules"], {"provider": provider, "rule_id": rule_id})
    return [msgspec.convert(row, RuleRow) for (row,) in await cursor.fetchall()]
