"""While a pipeline runs, fails, loses a worker, pauses and ends, every monitored figure is an independent count of rows."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest

from tests.resilience.figures import Figures, Route, routes
from tests.resilience.fragile import Fragile
from tests.resilience.recovery import lose_worker
from tests.resilience.run import Run
from tests.resilience.scenario import ENDED, Scenario

#: Searches that the provider refuses, and how many of the calls it does not carry out.
REFUSED, SOFT_FAILS = "keyword 1", 0.15
SEARCHES = 90
#: Two snapshots that read the same saw the same rows: nobody committed anything in between.
SNAPSHOT = "SELECT pg_current_snapshot()::text"
#: How often a moment is tried for in which nothing moves: while everything does, and of a route that had none; and
#: while little does.
FEW_TRIES, TRIES = 10, 400
#: None of these is ever taken back while a pipeline runs.
LASTING = ("planned", "completed", "failed", "skipped", "calls")


class Figured(Run):
    """Looks at every route; what moves while it is asked for is asked for again."""

    def __init__(self, machine: Fragile) -> None:
        control = f"{machine.run_file.simulator_url}/_control/faults"
        refusal = {"provider": "scale_serp", "fault": "bad_request", "key": REFUSED}
        for rule in (refusal, {"provider": "scale_serp", "fault": "soft_fail", "rate": SOFT_FAILS}):
            httpx.post(control, json=rule).raise_for_status()
        super().__init__(machine, "figures", SEARCHES)
        self.exact = Counter[str]()
        self.told: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def watch(self, conn: psycopg.Connection, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look until this holds of the progress."""
        while not done(progress := self.api.progress(self.pipeline_id)):
            self.look(conn)
        return progress

    def look(self, conn: psycopg.Connection, tries: int = FEW_TRIES) -> None:
        """Hold every route against the rows of the moment it was asked in, where there is such a moment."""
        for route in routes(self.pipeline_id):
            for _ in range(tries if route.path not in self.exact else 1):
                if self.compared(conn, route):
                    break

    def compared(self, conn: psycopg.Connection, route: Route) -> bool:
        """False when something was written meanwhile, or a moment passed that counts."""
        before = conn.execute(SNAPSHOT).fetchone()
        answer = self.api.ask("GET", route.path)
        if route.path.endswith("/progress"):
            self._assert_lasting(answer)
        found = route.read(answer)
        after, counted = self._counted(conn, route, answer)
        if before != after:
            return False
        if (
            found != counted
        ):  # a lease that ran out, or a process that fell silent, in between: by the clock alone
            assert self._counted(conn, route, answer) != (after, counted), differences(route, found, counted)
            return False
        self.exact[route.path] += 1
        return True

    @staticmethod
    def _counted(conn: psycopg.Connection, route: Route, answer: dict[str, Any]) -> tuple[Any, Figures]:
        with conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return conn.execute(SNAPSHOT).fetchone(), route.count(conn, answer)

    def _assert_lasting(self, progress: dict[str, Any]) -> None:
        """It never goes back."""
        told = {f"{p['phase']} {name}": p[name] for p in progress["phases"] for name in LASTING}
        for name, n in self.told.items():
            assert told.get(name, 0) >= n, f"{name} went back from {n} to {told.get(name, 0)}"
        self.told = told


def differences(route: Route, found: Figures, counted: Figures) -> str:
    """What the answer says and the rows do not, and the other way round."""
    keys = [key for key in found.keys() | counted.keys() if found.get(key) != counted.get(key)]
    told = [f"{key}: told {found.get(key)}, counted {counted.get(key)}" for key in sorted(keys, key=str)]
    return f"GET {route.path}: " + "; ".join(told)


@contextmanager
def reading(system: Fragile) -> Iterator[psycopg.Connection]:
    """A connection by no proxy, that begins no transaction by itself."""
    with psycopg.connect(system.run_file.postgres_url, autocommit=True) as conn:
        yield conn


#: What is kept instead of counted, and the route that would tell a wrong sum of it.
TAMPERED = {
    "progress": "INSERT INTO counters (pipeline_id, phase, name, delta) VALUES (%s, 'serp_collection', 'completed', 1)",
    "failed-items": "INSERT INTO counters (pipeline_id, phase, name, delta) VALUES (%s, 'serp_collection', 'failed.non_recoverable', 1)",
    "retry-statistics": "INSERT INTO retry_counters SELECT now(), 'serp_collection', 'recoverable', 0, 0, 0, 0, 1 WHERE %s <> ''",
    "providers": "INSERT INTO provider_counters SELECT now(), 'youtube', 1, 0 WHERE %s <> ''",
    "service-health/serp?minutes=1440": "UPDATE service_health_stretches SET timeouts = timeouts + 1 WHERE %s <> '' AND service = 'serp'",
}


def noticed(run: Figured, conn: psycopg.Connection, path: str) -> bool:
    """Whether what this route tells is found to be wrong."""
    (route,) = (route for route in routes(run.pipeline_id) if route.path.endswith(path))
    try:
        while not run.compared(conn, route):
            pass
    except AssertionError:
        return True
    return False


@pytest.mark.timeout(240)
def test_every_figure_is_a_count_while_the_pipeline_runs(tmp_path: Path) -> None:
    """Each route exactly, in moments of the run, after a worker was killed, paused, and in the end; progress never goes back."""
    with Fragile(tmp_path) as system, Figured(system) as run, reading(system) as conn:
        everything = {route.path for route in routes(run.pipeline_id)}
        with run.slower(600):
            run.watch(conn, lambda progress: Scenario.done(progress) > 0.2)
            lose_worker(system, run.pipeline_id)
            run.watch(conn, lambda progress: Scenario.done(progress) > 0.5)
            while_it_ran = set(run.exact)
            run.exact.clear()
            run.api.steer(run.pipeline_id, "pause", actor="ada", reason="look")
            run.look(conn, TRIES)
            assert set(run.exact) == everything
            run.api.steer(run.pipeline_id, "unpause")
        progress = run.watch(conn, lambda progress: progress["state"] in ENDED)
        run.exact.clear()
        run.look(conn, TRIES)

        assert set(run.exact) == everything
        assert while_it_ran == everything, "a figure was never caught in a moment of the run"
        assert progress["state"] == "completed_with_gaps"
        assert {p["failed"] > 0 for p in progress["phases"] if p["phase"] == "serp_collection"} == {True}
        assert any(p["recovered"] for p in run.api.ask("GET", "/monitoring/retry-statistics")["phases"])
        for path, tamper in TAMPERED.items():
            conn.execute(tamper.encode(), (run.pipeline_id,))
            assert noticed(run, conn, path), path
