"""The simulator as a process: how it starts, what it refuses, how it stops."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from shared.testing.eventually import wait_until

BASELINE = {
    "seed": 1,
    "latency_ms": 0,
    "latency_tail": 0,
    "answer_bytes": 12_000,
    "fault_rate": 0,
    "oauth_token_seconds": 3599,
    "limits": dict.fromkeys(
        ("scale_serp", "youtube", "google_ads", "oauth", "cognism", "scrapingbee", "openai")
    ),
}


class Simulator:
    """A running simulator and a client of it."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url, self.process = url, process
        self.http = httpx.Client(base_url=url, timeout=20, trust_env=False)

    def fresh(self) -> None:
        """Nothing counted, no faults, the settings tests start from."""
        self.control("POST", "reset")
        self.control("POST", "settings", BASELINE)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of the control API, which must be 200."""
        answer = self.http.request(method, f"/_control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, provider: str, fault: str, **conditions: object) -> Any:
        """Put a fault in force."""
        return self.control("POST", "faults", {"provider": provider, "fault": fault, **conditions})

    def page(self, provider: str = "scale_serp") -> Any:
        """The provider's page of the ledger."""
        return self.control("GET", "ledger")[provider]

    def search(self, q: object = "coffee", **parameters: object) -> httpx.Response:
        """One Scale SERP search."""
        query = {"api_key": "secret", "q": q, **parameters}
        return self.http.get("/scaleserp/search", params={name: str(value) for name, value in query.items()})

    def youtube(self, endpoint: str, **parameters: str) -> httpx.Response:
        """One YouTube call."""
        return self.http.get(f"/youtube/v3/{endpoint}", params={"key": "secret", **parameters})


@contextmanager
def simulator(*flags: str, **environment: str) -> Iterator[Simulator]:
    """A simulator on a free port, gone afterwards."""
    command = [sys.executable, "-m", "services.simulator", "--port", "0", *flags]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("simulator listening on http://127.0.0.1:"), line
            running = Simulator(line.split()[-1], process)
            with running.http:
                yield running
        finally:
            process.kill()


def _run(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.simulator", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_ready_line_is_printed_when_requests_are_answered() -> None:
    """Whoever reads the line can call at once."""
    with simulator() as running:
        assert running.http.get("/livez").status_code == 200


def test_flags_become_settings() -> None:
    """What the command line says is what the control API tells."""
    with simulator("--seed", "7", "--latency-ms", "5", "--fault-rate", "0.25") as running:
        settings = running.control("GET", "settings")
    assert (settings["seed"], settings["latency_ms"], settings["fault_rate"]) == (7, 5, 0.25)


def test_answers_are_the_same_in_another_process() -> None:
    """Nothing of an answer depends on the process, its hash seed or what was asked before."""
    with (
        simulator("--latency-ms", "0", PYTHONHASHSEED="1") as one,
        simulator("--latency-ms", "0", PYTHONHASHSEED="2") as other,
    ):
        other.search("something else")
        first, second = (running.search("tea", max_page=2).json() for running in (one, other))
    assert first["organic_results"] == second["organic_results"]
    assert first["search_information"] == second["search_information"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_within_a_second_while_a_request_hangs(number: signal.Signals) -> None:
    """A call that would hang for a minute does not hold up the stop."""
    with simulator("--latency-ms", "0") as running, ThreadPoolExecutor(1) as pool:
        running.fault("scale_serp", "hang", seconds=60)
        hanging = pool.submit(running.search)
        wait_until(lambda: running.page()["faults_injected"] == 1)
        begun = time.monotonic()
        running.process.send_signal(number)
        assert running.process.wait(5) == 0
        assert time.monotonic() - begun < 1
        with pytest.raises(httpx.TransportError):
            hanging.result()


def test_unknown_flag_is_refused() -> None:
    """A mistyped flag is named instead of being ignored."""
    done = _run("--port", "0", "--latency", "5")
    assert done.returncode == 2
    assert "--latency" in done.stderr


def test_value_out_of_range_is_refused_with_its_flag() -> None:
    """The error names the flag and the range."""
    done = _run("--port", "0", "--fault-rate", "1.5")
    assert done.returncode == 2
    assert "--fault-rate" in done.stderr
    assert "<= 1" in done.stderr


def test_taken_port_is_told_in_one_line() -> None:
    """No traceback for a port somebody else holds."""
    with simulator() as running:
        done = _run("--port", running.url.rpartition(":")[2])
    assert done.returncode == 1
    assert done.stderr.startswith("simulator: cannot listen on 127.0.0.1:")
    assert done.stderr.count("\n") == 1
