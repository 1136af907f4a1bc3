"""API keys: made, found by what a request carries, listed, revoked. Only a key's hash is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from shared.domain.scope import Scope, scopes_of
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("api_keys")

#: A key is this, its id without dashes, and its secret.
PREFIX: Final = "lsk_"
_ID_LENGTH: Final = 32
_SECRET_BYTES: Final = 32
#: Keys in one answer.
LIMIT: Final = 1000


class ApiKey(msgspec.Struct, frozen=True):
    """A row of api_keys, without what is secret of it."""

    key_id: UUID
    name: str
    role: str
    scopes: list[str]
    """What it may do."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


class Identity(msgspec.Struct, frozen=True):
    """Whose key a request carries."""

    key_id: UUID
    name: str
    scopes: frozenset[Scope]


async def create_key(
    conn: Connection, name: str, role: str, scopes: Sequence[str] | None = None, seconds: float | None = None
) -> tuple[ApiKey, str]:
    """A new key, and the text that is told this once; valid for `seconds`, or until it is revoked."""
    key_id = uuid7()
    text = f"{PREFIX}{key_id.hex}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    parameters = {
        "key_id": key_id,
        "name": name,
        "role": role,
        "scopes": None if scopes is None else sorted(scopes),
        "digest": digest(text),
        "seconds": seconds,
    }
    await conn.execute(_SQL["insert_api_key"], parameters)
    return await get_key(conn, key_id), text


async def identify(conn: Connection, text: str) -> Identity | None:
    """Whose key this is; None for one that is unknown, wrong, expired or revoked.

    Found by the part that is no secret; the rest is compared in constant time, as digests.
    """
    try:
        key_id = UUID(text.removeprefix(PREFIX)[:_ID_LENGTH])
    except ValueError:
        return None
    given = digest(text)
    cursor = await conn.execute(_SQL["use_api_key"], {"key_id": key_id, "digest": given})
    row = cast("tuple[str, str, list[str] | None, bytes] | None", await cursor.fetchone())
    if row is None or not hmac.compare_digest(row[3], given):
        return None
    name, role, scopes, _ = row
    return Identity(key_id, name, scopes_of(role, scopes))


async def list_keys(conn: Connection) -> list[ApiKey]:
    """The newest first, also those that open nothing any more."""
    return await _list(conn, None)


async def get_key(conn: Connection, key_id: UUID) -> ApiKey:
    """Raises NotFoundError."""
    for key in await _list(conn, key_id):
        return key
    raise NotFoundError(f"there is no API key {key_id}")


async def revoke_key(conn: Connection, key_id: UUID) -> ApiKey:
    """It opens nothing any more, from the next request on. Raises NotFoundError."""
    await conn.execute(_SQL["revoke_api_key"], {"key_id": key_id})
    return await get_key(conn, key_id)


def digest(text: str) -> bytes:
    """What is kept of a key. It has 256 random bits: no salt and no slow hash makes it harder to guess."""
    return hashlib.sha256(text.encode()).digest()


async def _list(conn: Connection, key_id: UUID | None) -> list[ApiKey]:
    cursor = await conn.execute(_SQL["list_api_keys"], {"key_id": key_id, "limit": LIMIT})
    found = []
    for row in await cursor.fetchall():
        row_id, name, role, scopes, *times = cast("tuple[Any, ...]", row)
        found.append(ApiKey(row_id, name, role, sorted(scopes_of(role, scopes)), *times))
    return found
