"""Steering a real system: pause and cancel act at once everywhere, and going back comes out where an unbroken run does."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest

from services.gateway.cli import exits
from services.gateway.standalone.machine import Standalone
from shared.domain.phases import SERP_COLLECTION
from shared.testing.eventually import wait_until
from tests.resilience.scenario import FEW, Scenario, system

#: Nothing of a stopped pipeline starts later than this after it was stopped.
WITHIN_SECONDS = 2.0
#: Long enough that something is in flight whenever a pipeline is stopped.
LATENCY_MS = 700
#: Where nobody looks.
SHORT_MS = 50


class Steered(Scenario):
    """A scenario with an operator."""

    def __enter__(self) -> Self:
        return self

    def answers_take(self, milliseconds: float) -> None:
        """Each of them, from now on."""
        settings = f"{self.machine.run_file.simulator_url}/_control/settings"
        httpx.post(settings, json={"latency_ms": milliseconds}).raise_for_status()

    def steer(self, verb: str, **body: Any) -> dict[str, Any]:
        return self.api.steer(self.pipeline_id, verb, **body)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.machine.run_file.postgres_url) as conn:
            return conn.execute(query.encode()).fetchall()

    def report(self) -> str:
        """Hash of the report, without `meta`."""
        found = json.loads(self.api.report(self.pipeline_id, "json"))
        del found["meta"]
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()

    def checkpoints(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.checkpoints(self.pipeline_id)["items"]
        return found

    def assert_sound(self) -> None:
        """By the audit."""
        checks = self.api.audit(self.pipeline_id)["checks"]
        assert [check["detail"] for check in checks if not check["passed"]] == []

    def calls(self) -> int:
        """Calls that reached a provider."""
        return sum(row["calls"] for row in self.ledger().values())

    def stop(self, verb: str) -> None:
        """Pause or cancel; return when no job is in any hand, which must not take long."""
        self.steer(verb, actor="tests", reason="to see how fast")
        stopped = time.monotonic()
        held = "SELECT count(*) FROM job_queue WHERE state = 'processing'"
        while self.ask(held) != [(0,)]:
            assert time.monotonic() - stopped < WITHIN_SECONDS + LATENCY_MS / 1000, "jobs are still held"
            time.sleep(0.02)

    def latest_start(self) -> float:
        """Seconds between the newest action and the last call that started after it; negative when none did."""
        query = """SELECT extract(epoch FROM max(c.sent_at) - (SELECT max(done_at) FROM pipeline_actions))::float8
                   FROM provider_calls c WHERE c.state <> 'refunded'"""
        ((seconds,),) = self.ask(query)
        return float(seconds)


class Whole(Steered):
    """All seven phases of fewer searches."""

    keywords = 24
    checkpoint_interval = 25


def landscape(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command for what runs on this folder."""
    command = [sys.executable, "-m", "services.gateway.cli", *words, "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """One for all pipelines of two phases; each has keywords of its own."""
    with system(tmp_path_factory.mktemp("control"), services=FEW, fault_rate=0.0) as machine:
        yield machine


def test_a_pause_is_heard_by_every_worker_and_costs_nothing(machine: Standalone) -> None:
    """Two workers of one service and one of another: calls in flight are recorded, and nothing is bought twice."""
    with Steered(machine, label="paused") as scenario:
        scenario.answers_take(LATENCY_MS)
        with scenario.replica("serp"):
            scenario.reach(0.2)
            for _ in range(2):
                scenario.stop("pause")
                before = scenario.calls()
                time.sleep(WITHIN_SECONDS)  # nothing is to happen meanwhile
                assert scenario.calls() == before
                assert scenario.latest_start() < WITHIN_SECONDS
                assert scenario.api.progress(scenario.pipeline_id)["state"] == "paused"
                scenario.assert_sound()
                scenario.steer("unpause")
        scenario.answers_take(SHORT_MS)
        assert scenario.ask("SELECT count(*) FROM provider_calls WHERE state = 'in_doubt'") == [(0,)]
        assert scenario.ask("SELECT max(attempts), max(crashes) FROM pipeline_state") == [(1, 0)]
        scenario.hold_accounts()


def test_a_cancelled_pipeline_ends_at_once_and_may_be_taken_up(machine: Standalone) -> None:
    """In flight is recorded, the rest skipped, the audit green; resumed, it buys only what it has not got."""
    with Steered(machine, label="cancelled") as scenario:
        scenario.answers_take(LATENCY_MS)
        scenario.reach(0.2)
        scenario.stop("cancel")
        scenario.kill("gateway")  # whatever it may still have had to do
        progress = scenario.wait(lambda p: all(f["pending"] + f["processing"] == 0 for f in p["phases"]))
        assert progress["state"] == "cancelled"
        assert scenario.latest_start() < WITHIN_SECONDS
        scenario.assert_sound()
        scenario.answers_take(SHORT_MS)
        scenario.steer("resume")
        scenario.hold_accounts()


def test_a_second_run_buys_nothing_and_reports_the_same(machine: Standalone) -> None:
    """The same body within freshness; and a new pipeline that takes the first one over."""
    with Steered(machine, label="twice") as first:
        first.hold_accounts()
        calls, report = first.calls(), first.report()
        with Steered(machine, label="twice") as second:
            second.hold_accounts()
            assert (second.calls(), second.report()) == (calls, report)
        third_id = landscape(
            Path(machine.data_dir), "start", "--resume-from", first.pipeline_id
        ).stdout.strip()
        with Steered(machine, third_id) as third:
            third.hold_accounts()
            assert (third.calls(), third.report()) == (calls, report)
            jobs = "SELECT count(*) FROM job_queue WHERE queue_name <> 'housekeeping' AND pipeline_id = (SELECT max(pipeline_id::text)::uuid FROM pipelines)"
            assert third.ask(jobs) == [(0,)]


@pytest.mark.timeout(240)
def test_a_rewound_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    """All seven phases: from the middle to a checkpoint of its own, then from the end with everything bought again."""
    with system(tmp_path, fault_rate=0.0) as machine, Whole(machine) as scenario:
        scenario.reach(0.8)
        wait_until(lambda: "interval" in {c["kind"] for c in scenario.checkpoints()})
        scenario.stop("pause")
        oldest = scenario.checkpoints()[-1]["name"]

        def command(name: str, *words: str) -> int:
            return landscape(tmp_path, name, scenario.pipeline_id, *words).returncode

        assert command("pause") == exits.CONFLICT
        assert command("checkpoint") == command("checkpoint", "--verify", oldest) == 0
        assert command("checkpoint", "--name", "here") == 0
        assert command("rewind", "nowhere", "--yes") == exits.NOT_FOUND
        assert command("rewind", oldest, "--reason", "to see", "--actor", "tests", "--yes") == 0
        scenario.assert_sound()
        scenario.end()
        report, calls = scenario.report(), scenario.calls()

        scenario.steer(f"checkpoints/{oldest}/rewind", rebuy=True, actor="tests", reason="garbage")
        scenario.end()
        scenario.assert_sound()
        assert scenario.calls() > calls
        assert SERP_COLLECTION in {c["phase"] for c in scenario.checkpoints()}
        with Whole(machine) as unbroken:
            unbroken.end()
            assert scenario.report() == report == unbroken.report()
