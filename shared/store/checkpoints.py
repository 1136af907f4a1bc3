"""Checkpoints of a pipeline: writing, listing, verifying, and going back to one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.domain.checkpoint import Counted, Due, Last
from shared.domain.phases import CLOSING
from shared.errors import ConflictError, NotFoundError
from shared.store import control, queries
from shared.store.audit_keys import actual_keys, expected_keys
from shared.store.control import Act
from shared.store.pipelines import get_pipeline
from shared.store.pool import Connection

_SQL = queries.load("checkpoints")

#: Checkpoints in one answer.
LIMIT: Final = 1000


class Checkpoint(msgspec.Struct, frozen=True):
    """A row of pipeline_checkpoints."""

    checkpoint_id: int
    name: str
    kind: str
    """interval, phase or named."""
    phase: str | None
    """That ended."""
    completed: int
    """Items completed before it, without closing phases."""
    counts: dict[str, dict[str, int]]
    """Phase -> state -> items."""
    config_hash: str
    content: str
    """Of the results before it: 128 bits, hexadecimal, whatever order they came in."""
    created_at: datetime


class Verification(msgspec.Struct, frozen=True):
    """A checkpoint held against the record."""

    checkpoint: Checkpoint
    passed: bool
    detail: str


class Rewound(msgspec.Struct, frozen=True):
    """What going back came to."""

    set_back: int
    """Items that are due again."""
    removed: int
    """Items that only later results had named."""
    facts_expired: int
    """Stored answers that will be bought again."""
    checkpoints_removed: int


async def find_due(conn: Connection) -> list[tuple[str, int, dict[str, Counted], Last]]:
    """(pipeline, interval, items by phase, what its checkpoints say) of pipelines that write them."""
    cursor = await conn.execute(_SQL["count_items"])
    counted: dict[str, dict[str, Counted]] = {}
    intervals: dict[str, int] = {}
    for pipeline_id, interval, phase, *numbers in cast("list[tuple[Any, ...]]", await cursor.fetchall()):
        intervals[pipeline_id] = interval
        counted.setdefault(pipeline_id, {})[phase] = Counted(*numbers)
    last = await _find_last(conn, list(intervals))
    return [(p, intervals[p], counted[p], last.get(p, Last())) for p in sorted(intervals)]


async def _find_last(conn: Connection, pipeline_ids: Sequence[str]) -> Mapping[str, Last]:
    if not pipeline_ids:
        return {}
    cursor = await conn.execute(_SQL["find_last"], {"pipeline_ids": pipeline_ids})
    completed: dict[str, int] = {}
    phases: dict[str, dict[str, int]] = {}
    for pipeline_id, phase, number in cast("list[tuple[str, str | None, int]]", await cursor.fetchall()):
        if phase is None:
            completed[pipeline_id] = number
        else:
            phases.setdefault(pipeline_id, {})[phase] = number
    return {p: Last(completed.get(p, 0), phases.get(p, {})) for p in pipeline_ids}


async def write_checkpoint(conn: Connection, pipeline_id: UUID, due: Due) -> bool:
    """Record the pipeline's position now, unless the name is taken or it is deleted. One transaction, the caller's."""
    cursor = await conn.execute(_SQL["lock_pipeline"], {"pipeline_id": pipeline_id})
    if await cursor.fetchone() is None:
        return False
    parameters = {**msgspec.structs.asdict(due), "pipeline_id": pipeline_id, "closing": list(CLOSING)}
    cursor = await conn.execute(_SQL["insert_checkpoint"], parameters)
    return await cursor.fetchone() is not None


async def create_checkpoint(conn: Connection, pipeline_id: UUID, name: str, act: Act) -> Checkpoint:
    """A checkpoint an operator names. One transaction, the caller's.

    Raises NotFoundError, and ConflictError for a name that is taken or a pipeline that writes none.
    """
    *_, interval = await lock_pipeline(conn, pipeline_id)
    if interval is None:
        raise ConflictError(f"pipeline {pipeline_id} was started with enable_checkpoints false")
    if not await write_checkpoint(conn, pipeline_id, Due(name, "named")):
        raise ConflictError(f"pipeline {pipeline_id} has a checkpoint {name} already")
    await control.note(conn, pipeline_id, "checkpoint", act, name=name)
    return await get_checkpoint(conn, pipeline_id, name)


async def list_checkpoints(conn: Connection, pipeline_id: UUID, limit: int = LIMIT) -> list[Checkpoint]:
    """Newest first."""
    return await _select(conn, pipeline_id, None, limit)


async def get_checkpoint(conn: Connection, pipeline_id: UUID, name: str) -> Checkpoint:
    """The checkpoint of this name. Raises NotFoundError."""
    found = await _select(conn, pipeline_id, name, 1)
    if not found:
        raise NotFoundError(f"pipeline {pipeline_id} has no checkpoint {name!r}")
    return found[0]


async def verify_checkpoint(conn: Connection, pipeline_id: UUID, name: str) -> Verification:
    """Recompute what a checkpoint says from the results that were recorded before it. Raises NotFoundError."""
    checkpoint = await get_checkpoint(conn, pipeline_id, name)
    parameters = {
        "pipeline_id": pipeline_id,
        "checkpoint_id": checkpoint.checkpoint_id,
        "closing": list(CLOSING),
    }
    cursor = await conn.execute(_SQL["recount_checkpoint"], parameters)
    completed, content, config_hash = cast("tuple[int, str, str]", await cursor.fetchone())
    problems = []
    if completed != checkpoint.completed:
        problems.append(f"{checkpoint.completed} results were recorded before it, {completed} are there")
    elif _hexadecimal(content) != checkpoint.content:
        problems.append("its results have been changed since")
    if config_hash != checkpoint.config_hash:
        problems.append("the configuration is another one")
    detail = "; ".join(problems) or f"all {completed} results before it are as they were"
    return Verification(checkpoint, not problems, detail)


async def rewind(conn: Connection, pipeline_id: UUID, name: str, act: Act, *, rebuy: bool = False) -> Rewound:
    """Take back what ended after a checkpoint, and run again from there. One transaction, the caller's.

    Facts stay and answer again, unless with `rebuy` what was bought since is to be bought anew. Raises
    NotFoundError, and ConflictError when work is under way or the record is not as the checkpoint says.
    """
    await control.expect_many(conn)
    state, unsettled, _ = await lock_pipeline(conn, pipeline_id)
    if state not in control.ALLOWED["rewind"] or unsettled:
        raise ConflictError(control.refusal(pipeline_id, "rewind", state, unsettled=unsettled))
    await control.withdraw_jobs(conn, [str(pipeline_id)])
    if held := await control.count_held_jobs(conn, pipeline_id):
        raise ConflictError(f"{held} jobs of pipeline {pipeline_id} still end; ask again in a moment")
    verification = await verify_checkpoint(conn, pipeline_id, name)
    if not verification.passed:
        raise ConflictError(f"checkpoint {name} cannot be gone back to: {verification.detail}")

    parameters: dict[str, Any] = {
        "pipeline_id": pipeline_id,
        "checkpoint_id": verification.checkpoint.checkpoint_id,
    }
    later = await control.fetch_ids(conn, _SQL["find_later"], parameters)
    expired = 0
    if rebuy:
        expired = await _number(conn, "expire_facts", **parameters, item_ids=later)
    back = {*later, *await control.find_figures(conn, pipeline_id)}
    set_back = await control.set_back(conn, pipeline_id, back)
    removed = await remove_unnamed(conn, pipeline_id)
    rewound = Rewound(set_back, removed, expired, await _number(conn, "delete_later", **parameters))
    await control.change(conn, pipeline_id, "rewind", "running")
    await control.note(
        conn, pipeline_id, "rewind", act, name=name, rebuy=rebuy, **msgspec.structs.asdict(rewound)
    )
    return rewound


async def remove_unnamed(conn: Connection, pipeline_id: UUID) -> int:
    """Remove the items that neither the configuration nor a remaining result names; how many."""
    config = (await get_pipeline(conn, pipeline_id)).config
    removed = 0
    while True:  # what a removed item had named goes in the next round
        expected, actual = (
            await expected_keys(conn, pipeline_id, config),
            await actual_keys(conn, pipeline_id),
        )
        unnamed = {phase: sorted(keys - expected.get(phase, set())) for phase, keys in actual.items()}
        for phase, keys in unnamed.items():
            if keys:
                removed += await _number(
                    conn, "delete_items", pipeline_id=pipeline_id, phase=phase, keys=keys
                )
        if not any(unnamed.values()):
            return removed


async def lock_pipeline(conn: Connection, pipeline_id: UUID) -> tuple[str, bool, int | None]:
    """Nobody steers it until the end of the transaction; (state, unsettled, interval). Raises NotFoundError."""
    cursor = await conn.execute(_SQL["lock_pipeline"], {"pipeline_id": pipeline_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id}")
    return cast("tuple[str, bool, int | None]", row)


async def _select(conn: Connection, pipeline_id: UUID, name: str | None, limit: int) -> list[Checkpoint]:
    parameters = {"pipeline_id": pipeline_id, "name": name, "limit": limit}
    cursor = await conn.execute(_SQL["list_checkpoints"], parameters)
    rows = cast("list[tuple[Any, ...]]", await cursor.fetchall())
    columns: list[list[Any]] = [[*row[:-2], _hexadecimal(row[-2]), row[-1]] for row in rows]
    return [Checkpoint(*column) for column in columns]


async def _number(conn: Connection, query: str, **parameters: Any) -> int:
    cursor = await conn.execute(_SQL[query], parameters)
    return cast("tuple[int]", await cursor.fetchone())[0]


def _hexadecimal(bits: str) -> str:
    return f"{int(bits, 2):032x}"
