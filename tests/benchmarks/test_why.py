"""How long `why` takes with a million items: it must not depend on how many there are."""

import json
import statistics
import time
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from shared.store.breakers import describe_service
from shared.store.leases import take_lease
from shared.store.pool import Connection
from shared.testing.pipelines import start_pipeline
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch

ITEMS = 1_000_000
ASKED = 40
#: Median, and the slowest but one in twenty. Seconds.
MEDIAN_SECONDS, SLOW_SECONDS = 0.05, 0.2

_FILL = """
    INSERT INTO items (pipeline_id, phase, key, input, batch_key)
    SELECT %(id)s, 'serp_collection', '["keyword ' || n || '","US","organic"]', '{}', ''
    FROM generate_series(1, %(items)s) n
"""
_STATES = "INSERT INTO pipeline_state (pipeline_id, item_id) SELECT pipeline_id, item_id FROM items ON CONFLICT DO NOTHING"
_READY = """
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key)
    SELECT pipeline_id, item_id, phase, batch_key FROM items WHERE item_id % 2 = 0 ON CONFLICT DO NOTHING
"""
_WAITING = """
    INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at)
    SELECT pipeline_id, item_id, phase, 'quota', now() + interval '1 hour' + item_id * interval '1 ms'
    FROM items WHERE item_id % 2 = 1 ON CONFLICT DO NOTHING
"""


@pytest.mark.benchmark
@pytest.mark.anyio
@pytest.mark.timeout(580)
async def test_why_does_not_depend_on_how_many_items_there_are(postgres_url: str, conn: Connection) -> None:
    """One JSON line per question: median and 95 in a hundred, over HTTP, half of the items due, half waiting."""
    pipeline_id = await start_pipeline(conn)
    await conn.execute(_FILL.encode(), {"id": pipeline_id, "items": ITEMS})
    for statement in (_STATES, _READY, _WAITING):
        await conn.execute(statement.encode())
    await conn.execute("ANALYZE")
    await describe_service(conn, ScriptedProvider().provider, 2.0)
    await take_lease(conn, "serp", "w", 3600)
    query = "SELECT key FROM items WHERE phase = 'serp_collection' AND item_id > %s ORDER BY item_id LIMIT 1"
    keys = [(await fetch(conn, query, n * ITEMS // ASKED))[0] for n in range(ASKED)]
    async with AsyncTestClient(create_app(Settings(postgres_url=postgres_url, token="t"))) as client:
        client.headers["Authorization"] = "Bearer t"
        item = f"/api/v1/pipeline/{pipeline_id}/items/serp_collection/why"
        for name, asked in (
            ("item", [(item, {"key": key}) for key in keys]),
            ("pipeline", [(f"/api/v1/pipeline/{pipeline_id}/why", {})] * ASKED),
            ("service", [("/api/v1/monitoring/services/serp/why", {})] * ASKED),
        ):
            took = [await _took(client, path, params) for path, params in asked]
            median, slow = statistics.median(took), sorted(took)[int(len(took) * 0.95)]
            print(
                json.dumps({"why": name, "items": ITEMS, "median_ms": median * 1000, "p95_ms": slow * 1000})
            )
            assert median < MEDIAN_SECONDS
            assert slow < SLOW_SECONDS


async def _took(client: AsyncTestClient[Any], path: str, params: dict[str, str]) -> float:
    began = time.perf_counter()
    answer = await client.get(path, params=params)
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    assert answer.json()["gate"] in {"quota", "turn"}
    return took
