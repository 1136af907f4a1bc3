"""One pipeline on a whole system: start it, disturb it, wait for its end, hold both accounts against each other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from services.gateway.cli.api import Api, UnavailableError
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from services.gateway.standalone.process import is_alive
from services.gateway.standalone.runfile import RunFile, read_running
from shared.domain.phases import CONTENT_SCRAPING, SERP_COLLECTION, SERVICES
from tests.resilience.ledgers import differences, sold

#: Recovery is waited for, so leases are short.
LEASE_SECONDS = 3.0
TIMING = {
    "LANDSCAPE_RUNTIME__LEASE_SECONDS": str(LEASE_SECONDS),
    "LANDSCAPE_RUNTIME__REDISPATCH_SECONDS": "3",
    **{f"LANDSCAPE_PROVIDERS__{service.upper()}__TIMEOUT_SECONDS": "5" for service in SERVICES},
}
#: Two services tell as much as six where it does not matter which one dies, in half the time.
FEW = ("serp", "media")
FAULT_RATE = 0.05
END_SECONDS = 100.0
ENDED = {"completed", "completed_with_gaps", "failed", "cancelled"}


def system(
    folder: Path, *, seed: int = 1, fault_rate: float = FAULT_RATE, services: Sequence[str] | None = None
) -> Standalone:
    """A system with simulated providers that answer after 100 ms and sometimes fail; by default all of them."""
    options = SimulatorOptions(seed, 100.0, fault_rate)
    return Standalone(folder, simulator=options, services=services, environment=TIMING)


class Up(AbstractContextManager["Up"]):
    """`landscape up` in a process of its own, on the same terms."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        options = ["--port", "0", "--simulator", "--latency-ms", "100", "--fault-rate", str(FAULT_RATE)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.gateway.cli", "up", "--data-dir", str(folder), *options],
            env={**os.environ, **TIMING},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self.run_file = self._started()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(END_SECONDS)

    def kill_everything(self) -> None:
        """SIGKILL of supervisor, stores, simulator, gateway and workers; returns when nothing is left."""
        running = read_running(self._folder)
        assert running
        pids = list(running.processes.values())
        for pid in pids:
            with suppress(ProcessLookupError):  # it has just died by itself
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._await(lambda: not any(map(is_alive, pids)))

    def _started(self) -> RunFile:
        found: list[RunFile] = []

        def is_up() -> bool:
            assert self._process.poll() is None, f"up ended with {self._process.returncode}"
            running = read_running(self._folder)
            if running and running.processes.get("supervisor") == self._process.pid:
                found.append(running)
            return bool(found)

        self._await(is_up)
        return found[0]

    @staticmethod
    def _await(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + END_SECONDS
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)


class Scenario(AbstractContextManager["Scenario"]):
    """A pipeline of searches, two for a keyword, and all that is found in them."""

    keywords = 60
    #: Checkpoints come after so many completed items.
    checkpoint_interval = 100
    #: What is waited for comes within this long.
    patience_seconds = END_SECONDS

    def __init__(
        self, machine: Standalone | Up, pipeline_id: str | None = None, *, label: str = "keyword"
    ) -> None:
        """Starts a pipeline, unless it is given one. A label of its own makes its keywords new to the machine."""
        self.machine = machine
        self.label = label
        self.api = Api(machine.run_file.gateway_url, machine.run_file.token)
        self.pipeline_id = pipeline_id or self._start()

    def __exit__(self, *_: object) -> None:
        self.api.__exit__()

    def _start(self) -> str:
        body = {
            "keywords": [f"{self.label} {n}" for n in range(self.keywords)],
            "regions": ["US"],
            "content_types": ["organic", "video"],
            "config": {"serp": {"pages": {"organic": 1}}, "checkpoint_interval": self.checkpoint_interval},
        }
        return str(self.api.start(json.dumps(body).encode())["pipeline_id"])

    def kill(self, name: str) -> None:
        """SIGKILL the process that does the work."""
        os.kill(self.machine.run_file.processes[name], signal.SIGKILL)

    @contextmanager
    def replica(self, service: str) -> Iterator[None]:
        """A second worker of a service, meanwhile."""
        assert isinstance(self.machine, Standalone)
        spec = self.machine.process(service).spec
        environment = {**spec.environment, "LANDSCAPE_EXPOSITION__PORT": "0"}
        second = subprocess.Popen(
            spec.argv, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield
        finally:
            second.terminate()
            try:
                second.wait(15)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(second.pid, signal.SIGKILL)

    def expired_leases(self) -> int:
        """Jobs whose lease was found expired so far."""
        with psycopg.connect(self.machine.run_file.postgres_url) as conn:
            row = conn.execute("SELECT count(*) FROM job_queue WHERE state = 'expired'").fetchone()
        assert row
        return int(row[0])

    def wait(self, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Progress as soon as `done` of it holds; a gateway that is away is waited for."""
        deadline = time.monotonic() + self.patience_seconds
        while True:
            try:
                progress = self.api.progress(self.pipeline_id)
            except UnavailableError:
                progress = None
            if progress and done(progress):
                return progress
            assert time.monotonic() < deadline, f"not reached: {progress}"
            time.sleep(0.05)

    def reach(self, share: float) -> None:
        """Return when this share of the searches is done."""
        progress = self.wait(lambda p: self.done(p) >= share)
        assert progress["state"] == "running", "the pipeline ended before it could be disturbed"

    @staticmethod
    def done(progress: dict[str, Any], phase: str = SERP_COLLECTION) -> float:
        """Share of a phase's items that is completed."""
        found = next(p for p in progress["phases"] if p["phase"] == phase)
        return float(found["completed"] / max(1, found["planned"]))

    def end(self) -> dict[str, Any]:
        """Progress at the end."""
        return self.wait(lambda p: p["state"] in ENDED)

    def hold_accounts(self) -> None:
        """Nothing lost, nothing bought again that was recorded: by the audit and by the simulator's ledger."""
        progress = self.end()
        audit = self.api.audit(self.pipeline_id)
        failed = [check for check in audit["checks"] if not check["passed"]]

        assert not failed
        self.assert_completed(progress)
        recorded_twice, in_doubt = self.record()
        bought_again = sum(row["repeated_subjects"] for row in self.ledger().values())
        assert recorded_twice == 0, "a recorded fact was bought again"
        assert bought_again <= in_doubt, f"{bought_again} subjects bought again, {in_doubt} in doubt"
        run = self.machine.run_file
        assert run.simulator_url
        wrong = differences(run.postgres_url, run.simulator_url)
        assert not wrong, "\n".join(wrong)

    def ledger(self) -> dict[str, dict[str, int]]:
        """What the simulator sold and charged, by provider."""
        return sold(self.machine.run_file.simulator_url)

    @staticmethod
    def assert_completed(progress: dict[str, Any]) -> None:
        """Every item is completed, but for pages of sites that the simulated web has always fail."""
        gaps = {p["phase"] for p in progress["phases"] if p["completed"] != p["planned"]}
        assert gaps <= {CONTENT_SCRAPING}
        assert progress["state"] == ("completed_with_gaps" if gaps else "completed")
        assert all(p["completed"] + p["failed"] == p["planned"] for p in progress["phases"])

    def record(self) -> tuple[int, int]:
        """(facts with more than one purchase on record, subjects of calls in doubt)."""
        with psycopg.connect(self.machine.run_file.postgres_url) as conn:
            twice = conn.execute(
                "SELECT count(*) FROM (SELECT FROM provider_facts GROUP BY fact_key HAVING count(*) > 1) AS f"
            ).fetchone()
            doubt = conn.execute(
                "SELECT coalesce(sum(subjects), 0) FROM provider_calls WHERE state = 'in_doubt'"
            ).fetchone()
        assert twice
        assert doubt
        return int(twice[0]), int(doubt[0])


def process_tree(pid: int) -> list[int]:
    """A process and everything below it, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
    tree = [pid]
    for parent in tree:
        tree += [child for child, of in parents.items() if of == parent]
    return tree
