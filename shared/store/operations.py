"""Operations: bulk actions that are too long for a request, done chunk by chunk, and each chunk once."""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
import psycopg

from shared.domain.operation import IN_A_REQUEST, Kind, OperationState
from shared.errors import ConflictError, NotFoundError
from shared.store import queries
from shared.store.dead_letter_views import Selection
from shared.store.dead_letters import close_letters, require_letters, select_dead_letters
from shared.store.failed_items import Action, require_retriable, reset_items
from shared.store.pool import Connection, Passing

_SQL = queries.load("operations")

#: Letters, or items, of one transaction: a cancel waits no longer than for these.
CHUNK: Final = 1000
#: Above every id.
NEWEST: Final = 2**63 - 1
#: More items than any pipeline has.
_ALL: Final = 10**9
#: What becomes of a letter.
_CLOSED: Final = {Kind.REPLAY: "replayed", Kind.DISCARD: "discarded"}


class Operation(msgspec.Struct, frozen=True):
    """A bulk action, and how far it is."""

    operation_id: int
    kind: str
    """replay, discard or retry_failed."""
    state: str
    """queued, running, completed, cancelled or failed."""
    matched: int
    """Letters, or items, that it concerns."""
    done: int
    """Of these: replayed, discarded or due again."""
    failed: int
    """Left alone, because their pipeline was cancelled or is being deleted. At the end neither: somebody else was faster."""
    selection: dict[str, Any]
    """What was asked for; `{}` are all open letters."""
    actor: str
    reason: str
    detail: str
    """Why it ended before its time."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which failed items of a pipeline."""

    pipeline_id: UUID
    phase: str | None = None
    category: str | None = None
    max: int | None = None
    """At most so many, the oldest first."""


class _Hand(msgspec.Struct, frozen=True):
    """An operation in hand."""

    operation_id: int
    kind: str
    selection: dict[str, Any]
    last_job_id: int
    position: int
    matched: int
    done: int
    actor: str
    reason: str
    created_at: datetime

    @property
    def action(self) -> Action:
        """As the history of each letter has it."""
        return Action(self.kind, self.actor, self.reason, {"operation_id": self.operation_id})


class _Chunk(msgspec.Struct, frozen=True):
    position: int
    done: int
    failed: int = 0


class Step(msgspec.Struct, frozen=True):
    """What one chunk came to."""

    operation_id: int
    state: str
    done: int
    """By this chunk."""


async def begin_letters(
    conn: Connection, kind: Kind, selection: Selection, *, actor: str, reason: str, least: int = IN_A_REQUEST
) -> Operation | None:
    """An operation on the open letters there are; None: there are no more than `least`, and nothing was made.

    One transaction, the caller's. Raises NotFoundError when the selection names unknown ids.
    """
    if selection.job_ids is not None:
        await require_letters(conn, selection.job_ids)
    parameters = selection.parameters() | {"kind": kind, "asked": _encoded(selection), "least": least}
    return await _begin(conn, "insert_letter_operation", parameters, actor, reason)


async def begin_retry(
    conn: Connection, retry: Retry, *, actor: str, reason: str, least: int = IN_A_REQUEST
) -> Operation | None:
    """The same on a pipeline's failed items. Raises NotFoundError, and ConflictError for a cancelled pipeline."""
    await require_retriable(conn, retry.pipeline_id)
    parameters = msgspec.structs.asdict(retry) | {
        "asked": _encoded(retry),
        "most": retry.max or _ALL,
        "least": least,
    }
    return await _begin(conn, "insert_retry_operation", parameters, actor, reason)


async def list_operations(
    conn: Connection, *, state: str | None = None, before: int = NEWEST, limit: int = 50
) -> list[Operation]:
    """The newest first, with ids below `before`."""
    cursor = await conn.execute(_SQL["list_operations"], {"state": state, "before": before, "limit": limit})
    return [Operation(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def get_operation(conn: Connection, operation_id: int) -> Operation:
    """One of them. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["get_operation"], {"operation_id": operation_id})
    row = cast("tuple[Any, ...] | None", await cursor.fetchone())
    if row is None:
        raise NotFoundError(f"there is no operation {operation_id}")
    return Operation(*row)


async def cancel_operation(conn: Connection, operation_id: int, *, actor: str, reason: str) -> Operation:
    """After the chunk in hand nothing more is done. Raises NotFoundError, and ConflictError when it has ended."""
    why = f"cancelled by {actor}" + (f": {reason}" if reason else "")
    if not await _end(conn, operation_id, OperationState.CANCELLED, why):
        found = await get_operation(conn, operation_id)
        raise ConflictError(f"operation {operation_id} is {found.state}; only an open one can be cancelled")
    return await get_operation(conn, operation_id)


class StuckError(Exception):
    """A chunk met what no repeat mends; the operation's id, where it was, and the reason."""

    def __init__(self, operation_id: int, position: int, why: str) -> None:
        super().__init__(why)
        self.operation_id = operation_id
        self.position = position
        self.why = why


async def fail_operation(conn: Connection, error: StuckError) -> None:
    """It cannot go on; unless somebody else has gone on with it meanwhile."""
    await _end(conn, error.operation_id, OperationState.FAILED, error.why, position=error.position)


async def do_chunk(conn: Connection, limit: int = CHUNK) -> Step | None:
    """The next chunk of the oldest open operation; None when there is none that nobody has in hand.

    One transaction, the caller's: what is done to letters and items and how far the operation is are committed
    together, so that whoever goes on after a death does nothing twice. Raises StuckError.
    """
    cursor = await conn.execute(_SQL["take_operation"])
    row = await cursor.fetchone()
    if row is None:
        return None
    hand = _Hand(*cast("tuple[Any, ...]", row))
    try:
        chunk = await (_retry if hand.kind == Kind.RETRY_FAILED else _close)(conn, hand, limit)
    except (ConflictError, NotFoundError) as error:
        raise StuckError(hand.operation_id, hand.position, str(error)) from None
    except (
        psycopg.errors.QueryCanceled
    ) as error:  # it would be tried for ever, and hold up all that come later
        raise StuckError(
            hand.operation_id, hand.position, "a chunk took longer than a statement may"
        ) from error
    except Passing:
        raise
    except Exception as error:
        raise StuckError(hand.operation_id, hand.position, "an error of ours; the log has it") from error
    if chunk is None:
        await _end(conn, hand.operation_id, OperationState.COMPLETED, "")
        return Step(hand.operation_id, OperationState.COMPLETED, 0)
    parameters = msgspec.structs.asdict(chunk) | {"operation_id": hand.operation_id}
    await conn.execute(_SQL["advance_operation"], parameters)
    return Step(hand.operation_id, OperationState.RUNNING, chunk.done)


async def _close(conn: Connection, hand: _Hand, limit: int) -> _Chunk | None:
    selection = msgspec.convert(hand.selection, Selection)
    letters = await select_dead_letters(
        conn, selection, after=hand.position, last=hand.last_job_id, limit=limit
    )
    if not letters:
        return None
    moved = await close_letters(conn, letters, _CLOSED[Kind(hand.kind)], hand.action)
    return _Chunk(letters[-1][0], moved.letters, moved.refused)


async def _retry(conn: Connection, hand: _Hand, limit: int) -> _Chunk | None:
    retry = msgspec.convert(hand.selection, Retry)
    await require_retriable(conn, retry.pipeline_id)
    left = limit if retry.max is None else min(limit, retry.max - hand.done)
    parameters = {
        "pipeline_id": retry.pipeline_id,
        "phase": retry.phase,
        "category": retry.category,
        "after": hand.position,
        "asked_at": hand.created_at,
        "limit": left,
    }
    cursor = await conn.execute(_SQL["select_retried_items"], parameters)
    items = [item_id for (item_id,) in cast("list[tuple[int]]", await cursor.fetchall())]
    if not items:
        return None
    return _Chunk(items[-1], await reset_items(conn, retry.pipeline_id, items, hand.action))


async def _begin(
    conn: Connection, query: str, parameters: dict[str, Any], actor: str, reason: str
) -> Operation | None:
    cursor = await conn.execute(_SQL[query], parameters | {"actor": actor, "reason": reason})
    row = cast("tuple[int] | None", await cursor.fetchone())
    return await get_operation(conn, row[0]) if row else None


async def _end(
    conn: Connection, operation_id: int, state: OperationState, detail: str, *, position: int | None = None
) -> bool:
    parameters = {"operation_id": operation_id, "state": state, "detail": detail, "position": position}
    cursor = await conn.execute(_SQL["end_operation"], parameters)
    return await cursor.fetchone() is not None


def _encoded(asked: msgspec.Struct) -> str:
    return msgspec.json.encode(asked).decode()
