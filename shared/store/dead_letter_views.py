"""Dead letters as they are shown: listed, grouped by cause, one with its whole history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.domain.dead_letter import fold
from shared.errors import NotFoundError
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("dead_letter_views")

#: Above every id.
NEWEST: Final = 2**63 - 1
#: Attempts of an item that are shown.
ATTEMPTS: Final = 100


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which open letters; every condition given must hold, and none given means all."""

    job_ids: tuple[int, ...] | None = None
    queue: str | None = None
    phase: str | None = None
    category: str | None = None
    fingerprint: str | None = None
    pipeline_id: UUID | None = None

    def parameters(self) -> dict[str, Any]:
        """For the queries."""
        given = msgspec.structs.asdict(self)
        return given | {"job_ids": None if self.job_ids is None else list(self.job_ids)}


class Letter(msgspec.Struct, frozen=True):
    """A job of one item that was given up."""

    job_id: int
    pipeline_id: UUID
    queue: str
    phase: str
    state: str
    """dead_letter, replayed or discarded."""
    item_id: int
    key: str
    fingerprint: str
    """The same for letters of one cause."""
    category: str
    error: str
    """The final one."""
    attempts: int
    crashes: int
    died_at: datetime


class History(msgspec.Struct, frozen=True):
    """What an operator did to a letter."""

    verb: str
    actor: str
    reason: str
    at: datetime
    detail: Any
    """Of an edit: the input before and after."""


class PastAttempt(msgspec.Struct, frozen=True):
    """A try of an item that ended in an error; those of earlier letters of it included."""

    attempt: int
    """From 1, and again from 1 after a replay."""
    category: str
    status: int | None
    codes: list[str]
    error: str
    body: str
    """Start of what the provider answered."""
    delay_seconds: float | None
    """Until the next try; None: it was the last."""
    at: datetime


class LetterDetail(msgspec.Struct, frozen=True):
    """All there is about a letter."""

    letter: Letter
    input: dict[str, Any]
    """What the provider is given beside the key."""
    item_state: str
    attempts: list[PastAttempt]
    """At most ATTEMPTS, the oldest first. Crashes are no attempts."""
    history: list[History]


class Group(msgspec.Struct, frozen=True):
    """Open letters of one cause."""

    fingerprint: str
    letters: int
    category: str
    phases: list[str]
    queues: list[str]
    pipelines: int
    first_at: datetime
    last_at: datetime
    example: int
    """A letter of them, the newest."""
    error: str
    """Of the example."""
    cause: str
    """The error without what differs between the letters."""


async def list_dead_letters(
    conn: Connection,
    selection: Selection,
    *,
    states: Sequence[str] = ("dead_letter",),
    before: int = NEWEST,
    limit: int = 50,
) -> list[Letter]:
    """Newest first, with ids below `before`. Ids of the selection are not looked at."""
    parameters = selection.parameters() | {"states": list(states), "before": before, "limit": limit}
    cursor = await conn.execute(_SQL["list_dead_letters"], parameters)
    return [Letter(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def group_dead_letters(conn: Connection, selection: Selection, limit: int = 100) -> list[Group]:
    """Open letters by cause, the most frequent first."""
    cursor = await conn.execute(_SQL["group_dead_letters"], selection.parameters() | {"limit": limit})
    found = cast("list[tuple[Any, ...]]", await cursor.fetchall())
    return [Group(*(*row, fold(row[-1]))) for row in found]


async def get_dead_letter(conn: Connection, job_id: int) -> LetterDetail:
    """One letter, open or closed. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["get_dead_letter"], {"job_id": job_id})
    row = cast("tuple[Any, ...] | None", await cursor.fetchone())
    if row is None:
        raise NotFoundError(f"there is no dead letter {job_id}")
    cursor = await conn.execute(_SQL["list_actions"], {"job_id": job_id})
    history = [History(*cast("tuple[Any, ...]", action)) for action in await cursor.fetchall()]
    letter = Letter(*row[:-2])
    attempts = await list_attempts(conn, letter.pipeline_id, letter.item_id)
    return LetterDetail(letter, row[-2], row[-1], attempts, history)


async def list_attempts(conn: Connection, pipeline_id: UUID, item_id: int) -> list[PastAttempt]:
    """An item's tries that ended in an error, at most ATTEMPTS, the oldest first."""
    parameters = {"pipeline_id": pipeline_id, "item_id": item_id, "limit": ATTEMPTS}
    cursor = await conn.execute(_SQL["list_attempts"], parameters)
    return [PastAttempt(*cast("tuple[Any, ...]", attempt)) for attempt in await cursor.fetchall()]
