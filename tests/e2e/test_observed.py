"""A whole system seen from outside: few series, figures that equal the record, and no secret in anything it says."""

from pathlib import Path

import httpx
import msgspec
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.gateway.cli.api import Api
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from shared.domain.phases import SERVICES, of_service
from shared.testing.eventually import wait_until

#: Of all processes of the demo together.
MOST_SERIES = 2000
#: Until the workers have written their last counts.
SECONDS = 30.0
PIPELINE_SECONDS = 90.0
ENDED = {"completed", "completed_with_gaps"}
#: Calls that left, as the ledger has them: a refusal before that has no duration.
COUNTED = """SELECT count(*), count(*) FILTER (WHERE outcome = 'ok') FROM provider_calls c
JOIN job_queue j USING (job_id) WHERE j.queue_name = %s AND c.duration_seconds IS NOT NULL"""
ITEMS = "SELECT i.phase, s.state, count(*) FROM pipeline_state s JOIN items i USING (pipeline_id, item_id) GROUP BY 1, 2"


BODY = {"keywords": ["card reader", "pos system", "invoice software"], "regions": ["US"]}


def told(api: Api, service: str) -> tuple[int, int]:
    """Requests and successes of its last hour."""
    total = api.ask("GET", f"/monitoring/service-health/{service}")["total"]
    return total["requests"], total["successes"]


def samples(url: str) -> dict[tuple[str, ...], float]:
    """Name and label values, in the order of the labels' names -> value."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(httpx.get(url, timeout=10).text)
        for sample in family.samples
    }


@pytest.mark.alone
def test_a_system_is_seen_as_it_is(tmp_path: Path) -> None:
    """All seven phases with failing calls among them: what is told equals an independent count of the record."""
    with (
        Standalone(tmp_path, simulator=SimulatorOptions(1, 1.0, 0.05)) as machine,
        Api(machine.run_file.gateway_url, machine.run_file.token) as api,
        psycopg.connect(machine.run_file.postgres_url, autocommit=True) as connection,
    ):
        run = machine.run_file
        pipeline_id = api.start(msgspec.json.encode(BODY))["pipeline_id"]
        wait_until(lambda: api.ask("GET", f"/pipeline/{pipeline_id}")["state"] in ENDED, PIPELINE_SECONDS)

        counted = {service: connection.execute(COUNTED, (service,)).fetchone() for service in SERVICES}
        assert all(calls and calls[0] > 0 for calls in counted.values())
        wait_until(lambda: {service: told(api, service) for service in SERVICES} == counted, SECONDS)
        items = {(phase, state): n for phase, state, n in connection.execute(ITEMS)}

        exposed = {name: samples(url) for name, url in run.metrics_urls.items()}
        exposed["gateway"] = samples(f"{run.gateway_url}/metrics")
        for service in SERVICES:
            phase = of_service(service).name
            done = exposed[service]["landscape_items_total", "completed", phase]
            assert done == items[phase, "completed"], service
        series = {name: len(found) for name, found in exposed.items()}
        assert sum(series.values()) <= MOST_SERIES, series

        secrets = [run.token, run.postgres_url.partition("://")[2].partition("@")[0].rpartition(":")[2]]
        said = [path.read_text(errors="replace") for path in (tmp_path / "logs").iterdir()]
        said += [httpx.get(url).text for url in run.metrics_urls.values()]
        assert any('"event": "call"' in text for text in said)
        for secret in secrets:
            assert len(secret) >= 10
            assert [text for text in said if secret in text] == []
