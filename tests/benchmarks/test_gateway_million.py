"""Routes of the gateway with a million items in the record: 50 ms at the 95th percentile, but for report, exports and audits."""

import json
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from services.gateway.monitoring import gauges
from shared.config import Settings
from shared.domain.service_health import Window
from shared.store.planning import Profile, save_profile
from shared.store.pool import Connection
from shared.store.service_health import save_windows
from shared.testing.pipelines import start_pipeline

pytestmark = [pytest.mark.anyio, pytest.mark.benchmark, pytest.mark.timeout(500)]

ITEMS: Final = 1_000_000
ASKED: Final = 40
MOST_SECONDS: Final = 0.05

#: A tenth of the pipeline failed, a tenth waits, a fifth is due, the rest is completed.
FILL: Final = (
    (
        "INSERT INTO items (pipeline_id, phase, key, input) SELECT %(id)s,"
        " CASE WHEN n %% 2 = 0 THEN 'serp_collection' ELSE 'video_enrichment' END, 'key ' || n, '{}' FROM generate_series(1, %(n)s) n"
    ),
    (
        "INSERT INTO pipeline_state (pipeline_id, item_id, state, error_category, last_error, job_id)"
        " SELECT pipeline_id, item_id, CASE item_id %% 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'pending' WHEN 2 THEN 'pending'"
        " WHEN 3 THEN 'pending' ELSE 'completed' END, CASE WHEN item_id %% 10 = 0 THEN CASE WHEN item_id %% 1000 = 0"
        " THEN 'non_recoverable' WHEN item_id %% 250010 = 0 THEN 'bug' ELSE 'recoverable' END END,"
        " CASE WHEN item_id %% 10 = 0 THEN 'status 500' END, 1 FROM items WHERE pipeline_id = %(id)s ON CONFLICT DO NOTHING"
    ),
    (
        "INSERT INTO ready (pipeline_id, item_id, phase, batch_key)"
        " SELECT pipeline_id, item_id, phase, batch_key FROM items WHERE pipeline_id = %(id)s AND item_id %% 10 IN (1, 2)"
        " ON CONFLICT DO NOTHING"
    ),
    (
        "INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at)"
        " SELECT pipeline_id, item_id, phase, 'rate', now() FROM items WHERE pipeline_id = %(id)s AND item_id %% 10 = 3"
    ),
    (
        "INSERT INTO results (pipeline_id, item_id, phase, payload, facts)"
        " SELECT pipeline_id, item_id, phase, '{}', '[]' FROM items WHERE pipeline_id = %(id)s AND item_id %% 10 > 3"
    ),
    (
        "INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, ended_at, fingerprint, error_category, last_error, attempts, crashes)"
        " SELECT pipeline_id, 'serp', phase, ARRAY[item_id], 'dead_letter', now(), 'cause' || item_id %% 7, 'recoverable', 'status 500', 5, 0"
        " FROM items WHERE pipeline_id = %(id)s AND item_id %% 100 = 0"
    ),
    (
        "INSERT INTO provider_calls (call_id, pipeline_id, job_id, provider, endpoint, subjects, state, outcome, units, money, sent_at)"
        " SELECT gen_random_uuid(), %(id)s, 1, 'scale_serp', 'search', 1, 'settled', 'ok', 1, 0.01, now() - n * interval '50 ms'"
        " FROM generate_series(1, %(n)s / 2) n"
    ),
    (
        "INSERT INTO retry_history (pipeline_id, item_id, phase, attempt, category, codes, error, recorded_at, delay_seconds, next_at)"
        " SELECT pipeline_id, item_id, phase, 1, (ARRAY['recoverable', 'throttled', 'bug'])[item_id %% 3 + 1], '{}', 'status 500',"
        " now() - item_id * interval '80 ms', CASE WHEN item_id %% 20 = 0 THEN 4 END, CASE WHEN item_id %% 20 = 0 THEN now() END"
        " FROM items WHERE pipeline_id = %(id)s AND item_id %% 5 = 0"
    ),
    (
        "INSERT INTO retry_counters SELECT date_trunc('minute', h.recorded_at, 'UTC'), h.phase, category, count(*), count(h.next_at),"
        " coalesce(sum(delay_seconds), 0), count(*), count(*) FILTER (WHERE state = 'completed')"
        " FROM retry_history h JOIN pipeline_state USING (pipeline_id, item_id) GROUP BY 1, 2, 3"
    ),
    (
        "INSERT INTO provider_counters SELECT date_trunc('minute', sent_at, 'UTC'), provider, count(*), sum(units)"
        " FROM provider_calls WHERE sent_at > now() - interval '2 days' GROUP BY 1, 2"
    ),
    (
        "INSERT INTO failed_items SELECT pipeline_id, item_id, phase, error_category"
        " FROM pipeline_state JOIN items USING (pipeline_id, item_id) WHERE pipeline_id = %(id)s AND state = 'failed'"
    ),
    "DELETE FROM counters WHERE pipeline_id = %(id)s",
    (
        "INSERT INTO counters (pipeline_id, phase, name, delta) SELECT i.pipeline_id, i.phase, s.state, count(*)"
        " FROM items i JOIN pipeline_state s USING (pipeline_id, item_id) WHERE i.pipeline_id = %(id)s GROUP BY 1, 2, 3"
    ),
    (
        "INSERT INTO counters (pipeline_id, phase, name, delta) SELECT pipeline_id, phase, 'waiting.rate', count(*)"
        " FROM waiting WHERE pipeline_id = %(id)s GROUP BY 1, 2"
    ),
    (
        "INSERT INTO counters (pipeline_id, phase, name, delta) SELECT pipeline_id, phase, 'failed.' || category, count(*)"
        " FROM failed_items GROUP BY 1, 2, 3"
    ),
    "VACUUM ANALYZE",
)


def _window(start: int, minutes: int = 1) -> Window:
    """Twenty calls a second, of many durations."""
    n = minutes
    return Window(
        start,
        {"ok": 1150 * n, "recoverable": 50 * n},
        10 * n,
        600.0 * n,
        dict.fromkeys(range(40, 80), 30 * n),
    )


class Loaded(NamedTuple):
    """What is in the record."""

    pipeline_id: UUID
    """Of a million items."""
    item_id: int
    """That failed, with a letter."""
    letter: int


async def load(conn: Connection) -> Loaded:
    """A pipeline of a million items, a hundred small ones, a day of two workers' figures."""
    now = int(time.time())
    for holder in ("one", "two"):
        windows = [_window(now // 60 * 60 - 60 * n) for n in range(24 * 60)]
        stretches = [_window(now // 300 * 300 - 300 * n, 5) for n in range(24 * 12)]
        await save_windows(conn, "serp", holder, windows, stretches)
    pipeline_id = await start_pipeline(conn)
    for _ in range(100):
        await start_pipeline(conn)
    for statement in FILL:
        query: Any = statement
        if statement.startswith("VACUUM"):
            await conn.execute(query)
        else:
            await conn.execute(query, {"id": pipeline_id, "n": ITEMS})
    await save_profile(
        conn, Profile("serp", "scale_serp", "scale_serp", "credit", 0.01, 20, 10, 1e6, "UTC", 3600)
    )
    cursor = await conn.execute(
        "SELECT max(item_id), max(job_id) FROM job_queue, LATERAL (SELECT item_ids[1] AS item_id) i"
    )
    item_id, letter = cast("tuple[int, int]", await cursor.fetchone())
    return Loaded(pipeline_id, item_id, letter)


async def p95(ask: Callable[[str], Awaitable[Any]], paths: Sequence[str]) -> dict[str, float]:
    """Milliseconds at the 95th percentile of every path, asked one after the other."""
    found: dict[str, float] = {}
    for path in paths:
        taken = []
        for _ in range(ASKED):
            began = time.perf_counter()
            await ask(path)
            taken.append(time.perf_counter() - began)
            if sum(taken) > 10:
                break
        found[path] = round((statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]) * 1000, 1)
    return found


async def test_every_route_answers_in_time(
    postgres_url: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One JSON line: the 95th percentile of every route, in milliseconds."""
    monkeypatch.setattr(gauges, "FRESH_SECONDS", 0.0)  # each scrape reads the record
    pipeline_id, item_id, letter = await load(conn)
    pipeline, monitoring = f"/api/v1/pipeline/{pipeline_id}", "/api/v1/monitoring"
    own = f"{monitoring}/pipeline/{pipeline_id}"
    paths = (
        "/api/v1/pipeline", "/api/v1/pipeline?in_state=failed&name=x", pipeline, f"{pipeline}/items",
        f"{pipeline}/items?in_state=processing", f"{pipeline}/items?phase=video_enrichment&in_state=failed&cursor=500000",
        f"{pipeline}/items/{item_id}", f"{pipeline}/actions", f"{pipeline}/checkpoints", f"{pipeline}/budget",
        f"{own}/progress", f"{own}/failed-items", f"{own}/failed-items?category=quota",
        f"{own}/failed-items?category=bug", f"{own}/failed-items?phase=video_enrichment&cursor=900000", f"{monitoring}/health",
        f"{monitoring}/workers", f"{monitoring}/services", f"{monitoring}/providers", f"{monitoring}/spending",
        f"{monitoring}/job-queues", f"{monitoring}/retry-statistics", f"{monitoring}/retry-statistics?days=0.05", f"{monitoring}/circuit-breakers",
        f"{monitoring}/circuit-breakers/serp", "/api/v1/dead-letters", f"/api/v1/dead-letters/{letter}",
        "/api/v1/dead-letters/groups", "/api/v1/dead-letters?category=quota",
        f"{monitoring}/service-health/serp", f"{monitoring}/service-health/serp?minutes=360",
        f"{monitoring}/service-health/serp?minutes=1440", "/metrics",
    )  # fmt: skip
    app = create_app(Settings(postgres_url=postgres_url, token="t"))
    async with AsyncTestClient(app) as client:
        client.headers["Authorization"] = "Bearer t"

        async def ask(path: str) -> None:
            answer = await client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"

        taken = await p95(ask, paths)
    found = {path.replace(str(pipeline_id), "{id}").removeprefix("/api/v1"): ms for path, ms in taken.items()}
    print(f"\n{json.dumps({'items': ITEMS, 'p95_ms': found})}")
    slow = {name: took for name, took in found.items() if took > MOST_SECONDS * 1000}
    assert not slow, slow
