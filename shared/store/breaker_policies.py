"""What operators made of breakers' policies: edited through the gateway, followed by every worker."""

from datetime import datetime
from typing import Any, cast

import msgspec

from shared.domain.breaker import BreakerPolicy
from shared.domain.breaker_policy import PolicyEdits, as_fields, edited
from shared.domain.event import EventName
from shared.store import queries
from shared.store.events import emit
from shared.store.pool import Connection

_SQL = queries.load("breaker_policies")


class PolicyRow(msgspec.Struct, frozen=True):
    """The policy of a service's breaker."""

    service: str
    configured: BreakerPolicy | None
    """What its workers are configured to; null before any has run."""
    edits: PolicyEdits
    """What an operator has set beside it."""
    in_force: BreakerPolicy | None
    """Both together: what its workers follow, within 5 seconds of a change."""
    version: int
    """Of the edits; 0: there was none yet."""
    changed_by: str | None
    reason: str | None
    changed_at: datetime | None


class PolicyVersion(msgspec.Struct, frozen=True):
    """One line of a policy's history."""

    version: int
    edits: PolicyEdits
    """All that was set from then on."""
    actor: str
    reason: str
    changed_at: datetime


async def get_breaker_policy(conn: Connection, service: str) -> PolicyRow:
    """As it is now."""
    cursor = await conn.execute(_SQL["get_breaker_policy"], {"service": service})
    configured, given, *rest = cast("tuple[Any, ...]", await cursor.fetchone())
    edits = msgspec.convert(given, PolicyEdits)
    policy = None if configured is None else msgspec.convert(configured, BreakerPolicy)
    return PolicyRow(service, policy, edits, policy and edited(policy, edits), *rest)


async def get_breaker_edits(conn: Connection, service: str) -> tuple[int, Any]:
    """(version, fields), as they are written down: whoever follows them checks them. (0, none) where there are none."""
    cursor = await conn.execute(_SQL["get_breaker_edits"], {"service": service})
    return cast("tuple[int, Any] | None", await cursor.fetchone()) or (0, {})


async def lock_breaker_policy(conn: Connection, service: str) -> PolicyRow:
    """As it is, kept from others' changes until the transaction ends."""
    await conn.execute(_SQL["lock_breaker_policy"], {"service": service})
    return await get_breaker_policy(conn, service)


async def edit_breaker_policy(
    conn: Connection, service: str, edits: PolicyEdits, *, actor: str, reason: str
) -> PolicyRow:
    """These are all that is set from now on; none: as configured. One transaction, the caller's, who has locked it."""
    parameters = {
        "service": service,
        "edits": msgspec.json.encode(as_fields(edits)).decode(),
        "actor": actor,
        "reason": reason,
    }
    await conn.execute(_SQL["insert_breaker_policy"], parameters)
    told = {"breaker": service, "edits": as_fields(edits), "actor": actor, "reason": reason}
    await emit(conn, EventName.RULE_CHANGED, told, service=service)
    return await get_breaker_policy(conn, service)


async def list_breaker_policies(conn: Connection, service: str, limit: int = 50) -> list[PolicyVersion]:
    """Its history, the newest first."""
    cursor = await conn.execute(_SQL["list_breaker_policies"], {"service": service, "limit": limit})
    return [
        PolicyVersion(version, msgspec.convert(edits, PolicyEdits), actor, reason, changed_at)
        for version, edits, actor, reason, changed_at in cast(
            "list[tuple[Any, ...]]", await cursor.fetchall()
        )
    ]
