"""The gateway's /metrics: the record beside its own requests, also while the record is away."""

import json
import re
from typing import Any

import pytest
from litestar.testing import AsyncTestClient
from prometheus_client.parser import text_string_to_metric_families

from services.gateway.app import create_app
from services.gateway.monitoring import gauges
from shared.config import Settings
from shared.domain.service_health import Window
from shared.store.leases import take_lease
from shared.store.pool import Connection
from shared.store.service_health import save_windows
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch
from tests import logfile

pytestmark = pytest.mark.anyio

start = logfile.start

#: Nothing listens on the discard port.
AWAY = "postgresql://nobody@127.0.0.1:9/nothing"


async def scrape(client: AsyncTestClient[Any]) -> dict[str, dict[tuple[str, ...], float]]:
    """Name -> values of the labels, by their names' order -> value."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


async def test_the_record_is_exposed(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Items by phase and state, queues, leaders and calls; what has none is 0, not absent."""
    await start_pipeline(conn)
    await take_lease(conn, "serp", "worker-1", 30)
    (now,) = await fetch(conn, "SELECT extract(epoch FROM now())::bigint")
    await save_windows(conn, "serp", "one", [Window(now, {"ok": 4, "quota": 1}, 0, 1.0, {3: 5})])
    found = await scrape(client)
    assert found["landscape_record_up"] == {(): 1}
    assert found["landscape_items"]["serp_collection", "pending"] == 3
    assert found["landscape_items"]["content_analysis", "failed"] == 0
    assert found["landscape_items_waiting"]["serp_collection", "quota"] == 0
    assert found["landscape_queue_depth"]["serp", "dead_letter"] == 0
    assert found["landscape_service_led"]["serp_collection", "serp"] == 1
    assert found["landscape_service_led"]["video_enrichment", "media"] == 0
    assert found["landscape_service_requests"] == {("ok", "serp"): 4, ("quota", "serp"): 1}
    assert found["landscape_pipelines"] == {("running",): 1, ("paused",): 0}
    assert found["landscape_dispatch_lag_seconds"]["serp_collection",] > 0
    assert found["landscape_build_info"]


async def test_the_record_is_read_once_in_a_while(
    client: AsyncTestClient[Any], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is scraped; and anew when it was not just now."""
    await scrape(client)
    await start_pipeline(conn)
    assert (await scrape(client))["landscape_pipelines"]["running",] == 0
    monkeypatch.setattr(gauges, "FRESH_SECONDS", 0.0)
    assert (await scrape(client))["landscape_pipelines"]["running",] == 1


async def test_without_the_record_the_rest_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old numbers would be lies: there are none, and one metric says so."""
    monkeypatch.setattr(gauges, "BUDGET_SECONDS", 0.2)
    app = create_app(Settings(postgres_url=AWAY, token="t"))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        await client.get("/livez")
        found = await scrape(client)
    assert found["landscape_record_up"] == {(): 0}
    assert "landscape_items" not in found
    assert found["landscape_http_requests_total"]


async def test_an_older_schema_is_no_error(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Between the start of a new version and its migration it is scraped all the same."""
    await conn.execute("DELETE FROM schema_migrations")
    assert (await scrape(client))["landscape_record_up"] == {(): 0}


async def test_no_id_is_in_a_label(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Series are bounded by phases, services and routes."""
    pipeline_id = await start_pipeline(conn)
    await client.get(f"/api/v1/pipeline/{pipeline_id}")
    text = (await client.get("/metrics")).text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)
    assert len([line for line in text.splitlines() if not line.startswith("#")]) < 500


async def test_a_request_is_a_line_with_its_id(start: logfile.Start, client: AsyncTestClient[Any]) -> None:
    """What changes something or fails is told; a mere reading only when everything is."""
    path = start("json", "info", ())
    headers = {"X-Request-ID": "asked-1"}
    await client.get("/api/v1/pipeline", headers=headers)
    await client.post("/api/v1/pipeline/start", json={}, headers=headers)
    (event,) = map(json.loads, path.read_text().splitlines())
    assert event.items() >= {
        "event": "request", "request_id": "asked-1", "method": "POST", "route": "/api/v1/pipeline/start", "status": 422,
    }.items()  # fmt: skip
    assert event["duration_seconds"] >= 0
