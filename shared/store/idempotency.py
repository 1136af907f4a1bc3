"""Answers to requests that carry an Idempotency-Key: written in the transaction they tell of."""

import hashlib
from typing import Any, Final, cast

import msgspec
from psycopg.errors import LockNotAvailable

from shared.errors import ConflictError, InputError, Problem
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("idempotency")

#: How long an answer is kept.
KEPT_HOURS: Final = 24
#: Rows deleted at once.
_CHUNK: Final = 10_000
#: Not among the named queries, because it cannot be prepared. Who asks again waits so long for the first answer.
_BE_PATIENT: Final = "SET LOCAL lock_timeout = '3s'"
#: The holder of a key may have its work done by other connections for longer than a session may be idle.
_HOLD: Final = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0"


class UnfinishedError(ConflictError):
    """The first request with this key is still under way."""

    code = "unfinished"


class Asked(msgspec.Struct, frozen=True):
    """A request, as far as it is the same when it is sent again."""

    asker: str
    path: str
    key: str
    body: bytes
    """Its SHA-256."""


class Answer(msgspec.Struct, frozen=True):
    """What was answered."""

    status: int
    location: str | None
    answer: bytes


async def claim(conn: Connection, asked: Asked) -> Answer | None:
    """The answer that was given before; None: there is none, and whoever else asks waits for this transaction.

    Raises InputError when the key was used with another body, UnfinishedError when the first one takes long.
    """
    parameters = msgspec.structs.asdict(asked) | {"hours": KEPT_HOURS}
    await conn.execute(_BE_PATIENT)
    try:
        cursor = await conn.execute(_SQL["claim_key"], parameters)
    except LockNotAvailable:
        raise UnfinishedError("the first request with this Idempotency-Key is still under way") from None
    if await cursor.fetchone():
        await conn.execute(_HOLD)
        return None
    cursor = await conn.execute(_SQL["find_answer"], parameters)
    row = cast("tuple[Any, ...] | None", await cursor.fetchone())
    if row is None:  # its time was over a moment ago
        raise UnfinishedError("this Idempotency-Key was just forgotten; ask again")
    body, *answer = row
    if bytes(body) != asked.body:
        what = "was used with another body; take a new key for a new request"
        raise InputError(Problem("?Idempotency-Key", what))
    return Answer(*answer)


async def keep(conn: Connection, asked: Asked, answer: Answer) -> None:
    """In the transaction that claimed the key."""
    parameters = msgspec.structs.asdict(asked) | msgspec.structs.asdict(answer)
    await conn.execute(_SQL["keep_answer"], parameters)


async def delete_old_keys(conn: Connection) -> int:
    """Some of those whose time is over; how many."""
    cursor = await conn.execute(_SQL["delete_old_keys"], {"hours": KEPT_HOURS, "limit": _CHUNK})
    return cursor.rowcount


def fingerprint(body: bytes) -> bytes:
    """By which a body is known again."""
    return hashlib.sha256(body).digest()
