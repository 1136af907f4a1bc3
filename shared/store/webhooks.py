"""Webhooks on record: receivers, what each is to be sent, and what became of it."""

import base64
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from shared.domain.webhook import SECRET_PREFIX
from shared.errors import ConflictError, NotFoundError
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("webhooks")

#: Ended deliveries are kept for so long.
KEPT_DAYS: Final = 30
#: Receivers there may be, and all there are in one answer.
MOST: Final = 100
#: Name of a message that tells of nothing.
TEST: Final = "webhook.test"
#: Above every delivery's id.
NEWEST: Final = 2**53 - 1
_SECRET_BYTES: Final = 32
#: Events that a receiver sees at a time; rows deleted at once.
_BLOCK, _CHUNK = 1000, 10_000


class Webhook(msgspec.Struct, frozen=True):
    """A receiver, without its secret."""

    webhook_id: UUID
    url: str
    events: list[str] | None
    """Names; null: all."""
    created_at: datetime
    failures: int
    """Attempts in a row that it did not answer."""
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    pending: int
    """Deliveries still to be made."""


class Delivery(msgspec.Struct, frozen=True):
    """A row of webhook_deliveries, without its body."""

    delivery_id: int
    event_id: int | None
    """Null: a test."""
    name: str
    state: str
    """pending, delivered or failed."""
    attempts: int
    next_at: datetime
    status: int | None
    """Of the last answer."""
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class Claimed(msgspec.Struct, frozen=True):
    """A delivery that is to be tried now."""

    delivery_id: int
    webhook_id: UUID
    body: str
    attempts: int
    """This one included."""
    url: str
    secret: str
    failures: int
    """Of the receiver, in a row, before this."""
    failing_seconds: float
    """For how long."""


async def create_webhook(conn: Connection, url: str, events: Collection[str] | None) -> tuple[Webhook, str]:
    """A receiver of what happens from now on, and the secret that is told this once. Raises ConflictError."""
    if len(await list_webhooks(conn)) >= MOST:
        raise ConflictError(f"there are {MOST} webhooks already; delete one that nobody needs")
    webhook_id = uuid7()
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    parameters = {
        "webhook_id": webhook_id,
        "url": url,
        "secret": secret,
        "events": sorted(events) if events else None,
    }
    await conn.execute(_SQL["insert_webhook"], parameters)
    return await get_webhook(conn, webhook_id), secret


async def list_webhooks(conn: Connection) -> list[Webhook]:
    """The newest first."""
    return await _list(conn, None)


async def get_webhook(conn: Connection, webhook_id: UUID) -> Webhook:
    """Raises NotFoundError."""
    for webhook in await _list(conn, webhook_id):
        return webhook
    raise NotFoundError(f"there is no webhook {webhook_id}")


async def delete_webhook(conn: Connection, webhook_id: UUID) -> None:
    """With its deliveries. Raises NotFoundError."""
    await get_webhook(conn, webhook_id)
    await conn.execute(_SQL["delete_webhook"], {"webhook_id": webhook_id})


async def enable_webhook(conn: Connection, webhook_id: UUID) -> Webhook:
    """Send to it at once again. What happened while it was disabled is not made up for. Raises NotFoundError."""
    await conn.execute(_SQL["enable_webhook"], {"webhook_id": webhook_id})
    return await get_webhook(conn, webhook_id)


async def send_test(conn: Connection, webhook_id: UUID) -> int:
    """Send a message that tells of nothing; the delivery's id. One transaction, the caller's.

    Raises NotFoundError, and ConflictError when it is disabled.
    """
    await _require_enabled(conn, webhook_id)
    cursor = await conn.execute(_SQL["insert_test"], {"webhook_id": webhook_id, "name": TEST})
    return cast("tuple[int]", await cursor.fetchone())[0]


async def spread_events(conn: Connection) -> int:
    """Make deliveries of what has happened; for how many receivers."""
    cursor = await conn.execute(_SQL["spread_events"], {"limit": _BLOCK})
    return cursor.rowcount


async def claim_deliveries(conn: Connection, *, each: int, limit: int, lease_seconds: float) -> list[Claimed]:
    """Deliveries to be tried now, at most `each` of a receiver; nobody else is given them for `lease_seconds`."""
    parameters = {"each": each, "limit": limit, "lease": lease_seconds}
    cursor = await conn.execute(_SQL["claim_deliveries"], parameters)
    return [Claimed(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def end_delivery(
    conn: Connection, delivery_id: int, state: str, *, status: int | None, error: str | None
) -> None:
    """It is delivered, or failed for good."""
    parameters = {"delivery_id": delivery_id, "state": state, "status": status, "error": error}
    await conn.execute(_SQL["end_delivery"], parameters)


async def delay_delivery(
    conn: Connection, delivery_id: int, seconds: float, *, status: int | None, error: str | None
) -> None:
    """It is tried again later."""
    parameters = {"delivery_id": delivery_id, "seconds": seconds, "status": status, "error": error}
    await conn.execute(_SQL["delay_delivery"], parameters)


async def note_answer(conn: Connection, webhook_id: UUID) -> None:
    """The receiver is there: what waits for it goes out."""
    await conn.execute(_SQL["note_answer"], {"webhook_id": webhook_id})


async def note_silence(conn: Connection, webhook_id: UUID, failures: int, seconds: float) -> None:
    """The receiver was not there, so many times in a row: it is left alone for so long."""
    parameters = {"webhook_id": webhook_id, "failures": failures, "seconds": seconds}
    await conn.execute(_SQL["note_silence"], parameters)


async def disable_webhook(conn: Connection, webhook_id: UUID, reason: str) -> None:
    """Nothing is sent to it any more, until somebody enables it."""
    await conn.execute(_SQL["disable_webhook"], {"webhook_id": webhook_id, "reason": reason})


async def list_deliveries(
    conn: Connection, webhook_id: UUID, *, state: str | None, before: int, limit: int
) -> list[Delivery]:
    """The newest first. Raises NotFoundError for an unknown receiver."""
    await get_webhook(conn, webhook_id)
    parameters = {"webhook_id": webhook_id, "state": state, "before": before, "limit": limit}
    cursor = await conn.execute(_SQL["list_deliveries"], parameters)
    return [Delivery(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def repeat_delivery(conn: Connection, webhook_id: UUID, delivery_id: int) -> None:
    """Send it again, with the same id. One transaction, the caller's.

    Raises NotFoundError, and ConflictError for one that has not ended and when the receiver is disabled.
    """
    await _require_enabled(conn, webhook_id)
    found = await list_deliveries(conn, webhook_id, state=None, before=delivery_id + 1, limit=1)
    if not found or found[0].delivery_id != delivery_id:
        raise NotFoundError(f"webhook {webhook_id} has no delivery {delivery_id}")
    cursor = await conn.execute(
        _SQL["repeat_delivery"], {"webhook_id": webhook_id, "delivery_id": delivery_id}
    )
    if cursor.rowcount == 0:
        raise ConflictError(f"delivery {delivery_id} is still to be made")


async def delete_old_deliveries(conn: Connection) -> int:
    """Some of those that have ended long ago; how many."""
    cursor = await conn.execute(_SQL["delete_old_deliveries"], {"days": KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount


async def _require_enabled(conn: Connection, webhook_id: UUID) -> None:
    cursor = await conn.execute(_SQL["keep_webhook"], {"webhook_id": webhook_id})
    row = cast("tuple[bool, str] | None", await cursor.fetchone())
    if row is None:
        raise NotFoundError(f"there is no webhook {webhook_id}")
    if row[0]:
        raise ConflictError(
            f"webhook {webhook_id} is disabled ({row[1]}): nothing is sent to it; enable it first"
        )


async def _list(conn: Connection, webhook_id: UUID | None) -> list[Webhook]:
    cursor = await conn.execute(_SQL["list_webhooks"], {"webhook_id": webhook_id, "limit": MOST})
    return [Webhook(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]
