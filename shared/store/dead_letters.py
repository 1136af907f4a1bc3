"""Dead letters: written with the failure they stand for, edited, replayed, discarded."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
from psycopg import Rollback

from shared.domain.dead_letter import check_input, fingerprint
from shared.domain.event import EventName
from shared.domain.message import Message
from shared.domain.phases import PHASES
from shared.errors import ConflictError, InputError, NotFoundError, Problem
from shared.store import queries
from shared.store.dead_letter_views import LetterDetail, Selection, get_dead_letter
from shared.store.events import emit
from shared.store.failed_items import (
    CHUNK,
    Action,
    insert_action,
    note_action,
    reopen_pipelines,
    revive_items,
)
from shared.store.pool import Connection, Pool
from shared.store.rows import rows

_SQL = queries.load("dead_letters")


class DeadItem(msgspec.Struct, frozen=True):
    """An item that has just failed and might have worked."""

    pipeline_id: str
    item_id: int
    phase: str
    category: str
    error: str


class Moved(msgspec.Struct, frozen=True):
    """What came of a replay or discard."""

    letters: int
    """Replayed or discarded by this request."""
    refused: int = 0
    """Left as they are, because their pipeline was cancelled."""


async def insert_dead_letters(conn: Connection, given_up: Sequence[DeadItem]) -> None:
    """In the transaction in which the items failed."""
    letters = [
        {
            "pipeline_id": item.pipeline_id,
            "item_id": item.item_id,
            "queue": PHASES[item.phase].queue if item.phase in PHASES else item.phase,
            "phase": item.phase,
            "fingerprint": fingerprint(item.category, item.error),
            "category": item.category,
            "error": item.error,
        }
        for item in given_up
    ]
    await conn.execute(_SQL["insert_dead_letters"], {"letters": rows(letters)})
    causes = Counter(
        (one["pipeline_id"], one["phase"], one["category"], one["fingerprint"]) for one in letters
    )
    for (pipeline_id, phase, category, cause), count in sorted(causes.items()):
        told = {"phase": phase, "category": category, "fingerprint": cause, "letters": count}
        await emit(conn, EventName.DEAD_LETTER_CREATED, told, pipeline_id=str(pipeline_id))


async def edit_input(
    conn: Connection, job_id: int, after: Mapping[str, Any], *, actor: str, reason: str
) -> LetterDetail:
    """Give an open letter's item another input. One transaction, the caller's.

    Raises NotFoundError, ConflictError for a closed letter, InputError for an input the provider could not work on.
    """
    await conn.execute(_SQL["lock_letter"], {"job_id": job_id})
    found = await get_dead_letter(conn, job_id)
    if problems := check_input(found.input, after):
        raise InputError(*(Problem(f"/input/{name}", detail) for name, detail in problems))
    encoded = msgspec.json.encode(after).decode()
    cursor = await conn.execute(_SQL["edit_input"], {"job_id": job_id, "input": encoded})
    if cursor.rowcount == 0:
        raise ConflictError(f"dead letter {job_id} is {found.letter.state}; only an open one can be edited")
    action = Action("edit", actor, reason, {"job_ids": [job_id]})
    action_id = await insert_action(conn, action, 1, {"before": found.input, "after": after})
    await note_action(conn, action_id, [job_id])
    return await get_dead_letter(conn, job_id)


async def require_letters(conn: Connection, job_ids: Sequence[int]) -> None:
    """Raise NotFoundError unless each of these is a letter, open or closed."""
    cursor = await conn.execute(_SQL["find_unknown_letters"], {"job_ids": list(job_ids)})
    if unknown := [str(row[0]) for row in await cursor.fetchall()]:
        raise NotFoundError(f"there is no dead letter {', '.join(unknown)}; nothing was changed")


async def count_selected(conn: Connection, selection: Selection) -> int:
    """Open letters of a selection. Raises NotFoundError when it names unknown ids."""
    if selection.job_ids is not None:
        await require_letters(conn, selection.job_ids)
    return sum([len(chunk) async for chunk in _chunks(conn, selection)])


async def replay_dead_letters(pool: Pool, selection: Selection, *, actor: str, reason: str) -> Moved:
    """Put the items of open letters back; each letter once, however many ask at the same time.

    Ended pipelines run again, and their figures are computed anew. A selection of many goes in parts, each of them
    all or nothing. What dies meanwhile is not part of it. Raises NotFoundError when the selection names unknown ids.
    """
    return await _close(pool, selection, "replayed", Action("replay", actor, reason, selection))


async def discard_dead_letters(pool: Pool, selection: Selection, *, actor: str, reason: str) -> Moved:
    """Close letters for good; their items stay failed. Otherwise as `replay_dead_letters`."""
    return await _close(pool, selection, "discarded", Action("discard", actor, reason, selection))


async def _close(pool: Pool, selection: Selection, state: str, action: Action) -> Moved:
    letters = refused = 0
    async with pool.connection() as conn:
        if selection.job_ids is not None:
            await require_letters(conn, selection.job_ids)
        async for chunk in _chunks(conn, selection):
            moved = await close_letters(conn, chunk, state, action)
            letters, refused = letters + moved.letters, refused + moved.refused
    return Moved(letters, refused)


async def _chunks(conn: Connection, selection: Selection) -> AsyncIterator[list[tuple[int, UUID]]]:
    """(id, pipeline) of the selected open letters that there are now, a part at a time."""
    cursor = await conn.execute(_SQL["get_newest_job"])
    last, after = cast("tuple[int]", await cursor.fetchone())[0], 0
    while chunk := await select_dead_letters(conn, selection, after=after, last=last, limit=CHUNK):
        yield chunk
        after = chunk[-1][0]


async def select_dead_letters(
    conn: Connection, selection: Selection, *, after: int, last: int, limit: int
) -> list[tuple[int, UUID]]:
    """(id, pipeline) of the next open letters of a selection with ids above `after`, up to `last`."""
    parameters = selection.parameters() | {"after": after, "last": last, "limit": limit}
    cursor = await conn.execute(_SQL["select_dead_letters"], parameters)
    return cast("list[tuple[int, UUID]]", await cursor.fetchall())


async def close_letters(
    conn: Connection, chunk: Sequence[tuple[int, UUID]], state: str, action: Action
) -> Moved:
    """Make these letters `replayed` or `discarded`: all of them or none. Those that are closed already stay so.

    Pipelines before letters before items: whoever locks in one order cannot deadlock.
    """
    closed: list[tuple[int, UUID, int]] = []
    willing = {pipeline_id for _, pipeline_id in chunk}
    async with conn.transaction():
        if state == "replayed":
            willing = await reopen_pipelines(conn, list(willing))
        job_ids = [job_id for job_id, pipeline_id in chunk if pipeline_id in willing]
        cursor = await conn.execute(_SQL["close_dead_letters"], {"job_ids": job_ids, "state": state})
        closed = cast("list[tuple[int, UUID, int]]", await cursor.fetchall())
        if not closed:
            raise Rollback
        if state == "replayed":
            await revive_items(conn, [(pipeline_id, item_id) for _, pipeline_id, item_id in closed])
        action_id = await insert_action(conn, action, len(closed))
        await note_action(conn, action_id, [job_id for job_id, _, _ in closed])
    return Moved(len(closed), len(chunk) - len(job_ids))


async def close_moot_letters(conn: Connection, queue: str) -> int:
    """Close the letters whose items were put back by other means; how many."""
    cursor = await conn.execute(_SQL["close_moot_letters"], {"queue": queue})
    return cursor.rowcount


async def select_letter_messages(conn: Connection, queue: str, limit: int) -> list[Message]:
    """Open letters of a queue, the newest first."""
    cursor = await conn.execute(_SQL["select_letter_messages"], {"queue": queue, "limit": limit})
    return [Message(*cast("tuple[int, int]", row)) for row in await cursor.fetchall()]


async def redispatch_bare(conn: Connection, queue: str, job_id: int) -> str | None:
    """Have a job sent again whose message is among the dead ones; None when it will be, else why not."""
    parameters = {"queue": queue, "job_id": job_id}
    cursor = await conn.execute(_SQL["redispatch_bare"], parameters)
    if await cursor.fetchone():
        return None
    cursor = await conn.execute(_SQL["get_job_state"], parameters)
    row = cast("tuple[str] | None", await cursor.fetchone())
    return f"job {job_id} is {row[0]}" if row else f"there is no job {job_id} in the queue {queue}"
