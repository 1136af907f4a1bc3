"""The ledger and the fact store, as seen before a call leaves."""

from collections.abc import Collection, Sequence
from typing import Any, cast

import msgspec

from shared.domain.provider import FactRef
from shared.store import queries
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("calls")


class Intent(msgspec.Struct, frozen=True):
    """A call about to be made."""

    call_id: str
    pipeline_id: str
    job_id: int
    fence: int
    provider: str
    endpoint: str
    subjects: int


class StoredFact(msgspec.Struct, frozen=True):
    """An answer from the store."""

    ref: FactRef
    answer: dict[str, Any] | None


async def insert_calls(conn: Connection, intents: Sequence[Intent]) -> set[str]:
    """Write the intents; the ids of those whose job is still held. The others must not be sent."""
    cursor = await conn.execute(_SQL["insert_calls"], {"calls": rows(intents)})
    return {cast("str", row[0]) for row in await cursor.fetchall()}


async def find_facts(
    conn: Connection, keys: Collection[str], freshness_seconds: float
) -> dict[str, StoredFact]:
    """The newest answer per key that is not older than `freshness_seconds`."""
    cursor = await conn.execute(_SQL["find_facts"], {"keys": list(keys), "freshness": freshness_seconds})
    found = cast("list[tuple[str, str, dict[str, Any] | None]]", await cursor.fetchall())
    return {key: StoredFact(FactRef(key, call_id), answer) for key, call_id, answer in found}
