"""Attempts that ended in an error: written with the item's state, counted, and read again as errors."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec

from shared.errors import AnswerError, ProviderError, StatusError, TransportError
from shared.store import queries
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("retry_history")

#: How an error is found again from what is recorded of it.
_KINDS: dict[str, type[ProviderError]] = {
    error.code: error for error in (ProviderError, TransportError, StatusError, AnswerError)
}
#: Different errors that are looked at at once, the newest: one rule is held against each. Rows.
RECORDED_LIMIT = 20_000
#: A body that no attempt refers to is kept for so long.
UNREAD_DAYS = 1
#: Rows deleted at once.
_CHUNK = 10_000
#: Attempts are counted by the minute, and by the hour from here on.
BY_MINUTES: Final = timedelta(hours=2)


class Attempt(msgspec.Struct, frozen=True):
    """A try that ended in an error and is counted."""

    number: int
    """From 1."""
    category: str
    """As the rule of that moment had it; `bug` for a defect of ours."""
    error: str
    kind: str | None = None
    """`code` of the provider's error; None when no answer of a provider was the reason."""
    status: int | None = None
    codes: tuple[str, ...] = ()
    body: str = ""
    """What rules could look at."""
    delay_seconds: float | None = None
    """Until the next try; None: it was the last."""

    @classmethod
    def of(
        cls,
        number: int,
        category: str,
        text: str,
        error: ProviderError | None,
        *,
        delay_seconds: float | None = None,
    ) -> "Attempt":
        """With what is known of the provider's error."""
        if error is None:
            return cls(number, category, text, delay_seconds=delay_seconds)
        return cls(number, category, text, error.code, error.status, error.codes, error.body, delay_seconds)


class Tried(msgspec.Struct, frozen=True):
    """An attempt and whose it was."""

    pipeline_id: str
    item_id: int
    phase: str
    attempt: Attempt


class Recorded(msgspec.Struct, frozen=True):
    """Attempts that met the same error."""

    kind: str
    status: int | None
    codes: list[str]
    body: str
    attempts: int

    def error(self) -> ProviderError:
        """The error, as far as rules can tell it from another."""
        kind = _KINDS.get(self.kind, ProviderError)
        return kind("recorded", status=self.status, codes=tuple(self.codes), body=self.body)


class RetryStatistics(msgspec.Struct, frozen=True):
    """Attempts of a phase that ended in errors of one category."""

    phase: str
    category: str
    attempts: int
    retries: int
    """Of these: another try followed."""
    mean_delay_seconds: float | None
    """Before these."""
    items: int
    """Whose attempts these were."""
    recovered: int
    """Items that are completed by now."""


async def store_attempts(conn: Connection, tries: Sequence[Tried]) -> None:
    """Write them. What a provider answered to a call is kept once, however many items the call was for."""
    if not tries:
        return
    bodies = {_body_id(tried.attempt.body): tried.attempt.body for tried in tries if tried.attempt.body}
    if bodies:
        await conn.execute(
            _SQL["store_bodies"],
            {"bodies": rows({"body_id": i, "body": b} for i, b in sorted(bodies.items()))},
        )
    await conn.execute(_SQL["store_attempts"], {"attempts": rows(map(_row, tries))})


def _row(tried: Tried) -> dict[str, Any]:
    attempt = msgspec.structs.asdict(tried.attempt) | {"codes": list(tried.attempt.codes)}
    body = attempt.pop("body")
    owner = {"pipeline_id": tried.pipeline_id, "item_id": tried.item_id, "phase": tried.phase}
    return {**owner, **attempt, "body_id": _body_id(body) if body else None}


def _body_id(body: str) -> str:
    return str(uuid.UUID(bytes=hashlib.blake2b(body.encode(errors="replace"), digest_size=16).digest()))


async def find_recorded(conn: Connection, phase: str, days: float) -> list[Recorded]:
    """Errors of a phase's attempts in the last days, the newest first, at most RECORDED_LIMIT different ones."""
    parameters = {"phase": phase, "days": days, "limit": RECORDED_LIMIT}
    cursor = await conn.execute(_SQL["find_recorded"], parameters)
    return [Recorded(*row) for row in cast("list[tuple[Any, ...]]", await cursor.fetchall())]


def counted_since(now: datetime, days: float) -> datetime:
    """Where statistics of the last days begin: with a whole minute, or beyond BY_MINUTES with a whole hour."""
    start = now.astimezone(UTC) - timedelta(days=days)
    whole = start.replace(second=0, microsecond=0)
    return whole if now - start <= BY_MINUTES else whole.replace(minute=0)


async def retry_statistics(conn: Connection, since: datetime) -> list[RetryStatistics]:
    """By phase and category, since a moment that `counted_since` gives."""
    cursor = await conn.execute(_SQL["sum_retries"], {"since": since})
    return [RetryStatistics(*row) for row in cast("list[tuple[Any, ...]]", await cursor.fetchall())]


async def count_recovered(conn: Connection, items: Sequence[tuple[str, int]]) -> None:
    """These items, by pipeline, have just been completed. Before their attempts of this very moment are stored."""
    parameters: dict[str, Any] = {
        "pipeline_ids": [pipeline_id for pipeline_id, _ in items],
        "item_ids": [item_id for _, item_id in items],
    }
    await conn.execute(_SQL["count_recovered"], parameters)


async def fold_retry_counters(conn: Connection) -> None:
    """Replace what was counted lately by its sums."""
    now = datetime.now(UTC)
    await _fold(conn, "minute", counted_since(now, 1 / 8), now + timedelta(days=1))


async def fold_old_retry_counters(conn: Connection) -> int:
    """Replace what was counted by the minute, and is older than anybody asks for by the minute, by hours; rows less."""
    return await _fold(conn, "hour", datetime.fromtimestamp(0, UTC), counted_since(datetime.now(UTC), 1 / 8))


async def _fold(conn: Connection, unit: str, since: datetime, until: datetime) -> int:
    cursor = await conn.execute(_SQL["fold_retry_counters"], {"unit": unit, "since": since, "until": until})
    return cast("tuple[int]", await cursor.fetchone())[0]


async def delete_unread_bodies(conn: Connection) -> int:
    """Forget some of the bodies that nobody can come upon any more; how many."""
    cursor = await conn.execute(_SQL["delete_unread_bodies"], {"days": UNREAD_DAYS, "limit": _CHUNK})
    return cursor.rowcount
