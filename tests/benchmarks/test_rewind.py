"""Going back in a pipeline of a million items: half of them are to be done again."""

import json
import resource
import time
from uuid import UUID

import pytest

from shared.domain.checkpoint import Due
from shared.store import control
from shared.store.checkpoints import rewind, write_checkpoint
from shared.store.control import Act
from shared.store.pool import Connection
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch

pytestmark = [pytest.mark.anyio, pytest.mark.benchmark, pytest.mark.timeout(600)]

REGIONS = ["US", "GB", "DE", "SA", "VN"]
KEYWORDS = 200_000
ITEMS = KEYWORDS * len(REGIONS)
ACT = Act("benchmark", "to see how long it takes")
#: A half of the searches ends, as far as the record is concerned.
COMPLETE = (
    """CREATE TEMP TABLE half AS SELECT pipeline_id, item_id FROM ready WHERE pipeline_id = %s ORDER BY item_id LIMIT %s""",
    """INSERT INTO results (pipeline_id, item_id, phase, payload, facts)
       SELECT pipeline_id, item_id, 'serp_collection', '{"rankings": []}', '[]' FROM half""",
    """UPDATE pipeline_state s SET state = 'completed', attempts = 1, updated_at = now() FROM half h
       WHERE s.pipeline_id = h.pipeline_id AND s.item_id = h.item_id""",
    """DELETE FROM ready r USING half h WHERE r.pipeline_id = h.pipeline_id AND r.item_id = h.item_id""",
    """INSERT INTO counters (pipeline_id, phase, name, delta)
       SELECT pipeline_id, 'serp_collection', d.name, d.sign * count(*) FROM half,
       LATERAL (VALUES ('pending', -1), ('completed', 1)) AS d (name, sign) GROUP BY 1, 3, d.sign""",
    """DROP TABLE half""",
)


async def complete_half(conn: Connection, pipeline_id: UUID) -> None:
    async with conn.transaction():
        for number, statement in enumerate(COMPLETE):
            await conn.execute(statement.encode(), (pipeline_id, ITEMS // 2) if number == 0 else None)


async def test_a_rewind_over_half_a_million_items(conn: Connection) -> None:
    """One JSON line: seconds to write a checkpoint and to go back to it, and the memory that took."""
    body = {"keywords": [f"keyword {n}" for n in range(KEYWORDS)], "regions": REGIONS}
    pipeline_id = await start_pipeline(
        conn, **body, content_types=["organic"], config={"phases": ["serp_collection"]}
    )
    await complete_half(conn, pipeline_id)
    began = time.monotonic()
    async with conn.transaction():
        assert await write_checkpoint(conn, pipeline_id, Due("half", "named"))
    written = time.monotonic() - began
    await complete_half(conn, pipeline_id)
    await conn.execute("ANALYZE")
    await control.pause(conn, pipeline_id, ACT)

    began = time.monotonic()
    async with conn.transaction():
        done = await rewind(conn, pipeline_id, "half", ACT)
    rewound = time.monotonic() - began

    figures = {
        "items": ITEMS,
        "checkpoint_seconds": round(written, 1),
        "rewind_seconds": round(rewound, 1),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(f"\n{json.dumps(figures)}")
    assert done.set_back == ITEMS // 2
    assert done.removed == 0
    states = "SELECT state, count(*)::int FROM pipeline_state GROUP BY 1 ORDER BY 1"
    assert await fetch(conn, states) == [("completed", ITEMS // 2), ("pending", ITEMS // 2)]
    assert await fetch(conn, "SELECT count(*)::int FROM ready") == [ITEMS // 2]
