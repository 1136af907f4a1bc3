"""A pipeline for chaos: small, of two phases, of searches nobody has made before."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import httpx

from shared.testing.eventually import wait_until
from tests.resilience.fragile import LATENCY_MS, Fragile
from tests.resilience.scenario import Scenario

SEARCHES = 60
_OPEN = """SELECT FROM job_queue WHERE pipeline_id = %s AND state = 'processing'"""


class Run(Scenario):
    """Searches, and the videos found in them."""

    machine: Fragile

    def __init__(self, machine: Fragile, label: str, searches: int = SEARCHES) -> None:
        self.searches = searches
        super().__init__(machine, label=label)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """One that failed is cancelled, so that the next run's accounts are of that run alone."""
        if error[0]:
            with suppress(Exception):  # what went wrong is told, not that it could not be tidied up
                self.api.steer(self.pipeline_id, "cancel", actor="chaos", reason="the run failed")
                wait_until(lambda: not self.machine.ask(_OPEN, self.pipeline_id))
        super().__exit__(*error)

    def _start(self) -> str:
        body = {
            "keywords": [f"{self.label} keyword {n}" for n in range(self.searches)],
            "regions": ["US"],
            "content_types": ["video"],
        }
        return str(self.api.start(json.dumps(body).encode())["pipeline_id"])

    @contextmanager
    def slower(self, latency_ms: float) -> Iterator[None]:
        """Every answer takes its time, so that something is always in hand; until it ends."""
        settings = f"{self.machine.run_file.simulator_url}/_control/settings"
        httpx.post(settings, json={"latency_ms": latency_ms}).raise_for_status()
        try:
            yield
        finally:
            httpx.post(settings, json={"latency_ms": LATENCY_MS}).raise_for_status()

    def assert_completed_and_green(self) -> None:
        """Unattended, every item, by its own audit."""
        progress = self.end()
        assert progress["state"] == "completed", progress
        audit = self.api.audit(self.pipeline_id)
        assert [check for check in audit["checks"] if not check["passed"]] == []
