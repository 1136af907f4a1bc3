"""A provider that is down on a real system: its items wait at no cost, everything else goes on, and so do they."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import redis

from services.gateway.standalone.machine import SimulatorOptions, Standalone
from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT
from tests.resilience.scenario import END_SECONDS, FEW, TIMING, Scenario

PROVIDER = "youtube"
THRESHOLD, AT_ONCE = 5, 1
#: What may have begun when the threshold is crossed, and a second after it at the most.
MOST_CALLS = THRESHOLD + 2 * AT_ONCE
#: An outage outlasts it, and nobody waits for it.
LONG_SECONDS = 600


def system(folder: Path, breaker_seconds: float, **more: str) -> Standalone:
    """Searches and videos, the videos behind a breaker with such a timeout; `more` variables for both."""
    media = "LANDSCAPE_PROVIDERS__MEDIA__"
    environment = {
        **TIMING,
        f"{media}BREAKER_SECONDS": str(breaker_seconds),
        f"{media}FAILURE_THRESHOLD": str(THRESHOLD),
        f"{media}SUCCESS_THRESHOLD": "2",
        f"{media}CONCURRENCY": str(AT_ONCE),
        **more,
    }
    return Standalone(folder, simulator=SimulatorOptions(1, 50.0, 0.0), services=FEW, environment=environment)


def landscape(*words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "services.gateway.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


class Outage(Scenario):
    """A pipeline whose provider of videos is down from the first call."""

    def __init__(self, machine: Standalone, **fault: Any) -> None:
        self._control = f"{machine.run_file.simulator_url}/_control"
        rule = {"provider": PROVIDER, "fault": "server_error", **fault}
        httpx.post(f"{self._control}/faults", json=rule).raise_for_status()
        super().__init__(machine)

    def __enter__(self) -> Self:
        return self

    def heal(self) -> None:
        httpx.delete(f"{self._control}/faults").raise_for_status()

    def calls(self) -> int:
        """That have reached the provider."""
        tally = httpx.get(f"{self._control}/ledger").json().get(PROVIDER)
        return int(tally["calls"]) if tally else 0

    def request(self, method: str, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.machine.run_file.token}"}
        answer = httpx.request(method, f"{self.machine.run_file.gateway_url}/api/v1{path}", headers=headers)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def breaker(self) -> dict[str, Any]:
        found: dict[str, Any] = self.request("GET", "/monitoring/circuit-breakers/youtube")["breaker"]
        return found

    def await_state(self, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + END_SECONDS
        while (found := self.breaker())["state"] != state:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def attempts(self) -> list[tuple[int, int]]:
        """(attempts, items) of videos."""
        query = (
            "SELECT s.attempts, count(*)::int FROM pipeline_state s JOIN items i USING (pipeline_id, item_id)"
            " WHERE i.phase = 'video_enrichment' GROUP BY 1 ORDER BY 1"
        )
        with psycopg.connect(self.machine.run_file.postgres_url) as conn:
            return conn.execute(query).fetchall()


def test_an_outage_passes_and_the_pipeline_completes(tmp_path: Path) -> None:
    """Nobody does anything: it opens, is tried out by a few calls, closes, and all of it is there."""
    with system(tmp_path, 2.0) as machine, Outage(machine, times=THRESHOLD + 2) as outage:
        outage.hold_accounts()
        assert outage.breaker()["state"] == "closed"
        changes = outage.request("GET", "/monitoring/circuit-breakers/youtube")["changes"]
        states = [change["state"] for change in reversed(changes)]
        assert states[:2] == ["open", "half_open"]
        assert states[-2:] == ["half_open", "closed"]


def test_an_open_breaker_costs_no_attempt_and_outlives_every_process(tmp_path: Path) -> None:
    """The searches complete meanwhile. Redis emptied and the worker killed, it is still open; a reset, when the provider
    is back, lets the rest go on.
    """
    with system(tmp_path, LONG_SECONDS) as machine, Outage(machine, rate=1) as outage:
        opened = outage.await_state("open")
        assert opened["reason"] == f"{THRESHOLD} calls in a row failed"
        outage.wait(lambda progress: Scenario.done(progress, SERP_COLLECTION) == 1)
        assert outage.calls() <= MOST_CALLS
        spent = outage.attempts()
        assert dict(spent).get(0, 0) > 0
        assert outage.request("GET", "/monitoring/health")["status"] == "degraded"
        (line,) = (
            one for one in landscape("breakers", "--data-dir", str(tmp_path)).splitlines() if "media" in one
        )
        assert line.endswith(opened["reason"])

        worker = machine.run_file.processes["media"]
        with redis.Redis.from_url(machine.run_file.redis_url) as client:
            client.flushall()
            os.kill(worker, signal.SIGKILL)
            client.flushall()
        outage.wait(lambda _: machine.run_file.processes["media"] != worker)
        calls, until = (
            outage.calls(),
            time.monotonic() + 3 * float(TIMING["LANDSCAPE_RUNTIME__LEASE_SECONDS"]),
        )
        outage.wait(lambda _: time.monotonic() > until)
        assert outage.calls() == calls
        again = outage.breaker()
        assert (again["state"], again["epoch"], again["trips"]) == ("open", opened["epoch"], 1)
        assert outage.attempts() == spent
        progress = outage.wait(lambda _: True)
        assert (progress["state"], Scenario.done(progress, VIDEO_ENRICHMENT)) == ("running", 0)

        outage.heal()
        done = landscape("breakers", "reset", "youtube", "--yes", "--data-dir", str(tmp_path))
        assert done.split() == ["media", "closed"]
        outage.hold_accounts()
