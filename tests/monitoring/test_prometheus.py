"""A real Prometheus scrapes a running gateway and a running worker: it takes what they expose, and the rules work on it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from services.gateway.standalone.probe import free_port, http_ok
from shared.testing.eventually import wait_until
from tests.architecture.pages import ROOT
from tests.monitoring.files import DASHBOARDS, RULES, alerts, promtool, queries, read

pytestmark = [pytest.mark.alone, pytest.mark.needs("prometheus"), pytest.mark.needs("promtool")]

SECONDS = 40.0
#: Of the demo's processes together there may be so many; these are two of its eight.
MOST_SERIES = 2000


class Running:
    """A gateway, a worker of one service, and a Prometheus that scrapes both five times a second."""

    def __init__(self, folder: Path, postgres_url: str, redis_url: str) -> None:
        self._folder = folder
        self.ports = {name: free_port() for name in ("gateway", "serp", "prometheus")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LANDSCAPE_POSTGRES_URL": postgres_url,
            "LANDSCAPE_REDIS_URL": redis_url,
            "LANDSCAPE_TOKEN": "t",
            "LANDSCAPE_GATEWAY__PORT": str(self.ports["gateway"]),
            "LANDSCAPE_EXPOSITION__PORT": str(self.ports["serp"]),
            "LANDSCAPE_PROVIDERS__SERP__BASE_URL": "http://127.0.0.1:9",
        }

    def start(self, name: str, command: list[str], ready: str) -> None:
        """Return when it answers."""
        log = (self._folder / f"{name}.log").open("wb")
        with log:
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        self.processes[name] = process

        def answers() -> bool:
            assert process.poll() is None, (self._folder / f"{name}.log").read_text()
            return http_ok(f"http://127.0.0.1:{self.ports[name]}{ready}")

        wait_until(answers, SECONDS)

    def start_prometheus(self) -> None:
        """With our rules, without the time they wait."""
        rules = read(RULES)
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
        configuration = {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {
                    "job_name": f"landscape-{job}",
                    "static_configs": [{"targets": [f"127.0.0.1:{self.ports[name]}"]}],
                }
                for job, name in (("gateway", "gateway"), ("worker", "serp"))
            ],
        }
        for name, content in (("rules.yml", rules), ("prometheus.yml", configuration)):
            with (self._folder / name).open("w") as file:
                YAML(typ="safe", pure=True).dump(content, file)
        command = [
            "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}",
        ]
        self.start("prometheus", command, "/-/ready")

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        url = f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/{path}"
        answer = httpx.get(url, params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, expression: str) -> float | None:
        """Of an expression with one series, now; None without any."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def exposition(self, name: str) -> str:
        """What it exposes itself."""
        return httpx.get(f"http://127.0.0.1:{self.ports[name]}/metrics").text


@pytest.fixture
def running(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[Running]:
    """Started in order, stopped whatever happens."""
    running = Running(tmp_path, postgres_url, redis_url)
    try:
        running.start("gateway", [sys.executable, "-m", "services.gateway.cli", "gateway"], "/readyz")
        running.start("serp", [sys.executable, "-m", "shared.runtime.run", "serp"], "/readyz")
        running.start_prometheus()
        yield running
    finally:
        for process in running.processes.values():
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """By its own ways, and if it does not listen by force."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)


def test_a_real_prometheus_takes_what_is_exposed(running: Running) -> None:
    """Both are up; names pass the linter; series are few; every query and every rule can be evaluated; an alert fires."""
    wait_until(lambda: running.value("sum(up)") == 2, SECONDS)
    for name in ("gateway", "serp"):
        done = promtool("check", "metrics", given=running.exposition(name))
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for query in (query for path in DASHBOARDS for query in queries(path)):
        running.ask("query", query=query)
    assert running.value('max(landscape_service_led{service="serp"})') == 1
    assert (running.value('count({__name__!=""})') or 0) < MOST_SERIES / 2

    def evaluated() -> bool:
        rules = [rule for group in running.ask("rules")["groups"] for rule in group["rules"]]
        assert [rule for rule in rules if rule["health"] == "err"] == []
        return {rule["name"] for rule in rules if rule["health"] == "ok"} == {a["alert"] for a in alerts()}

    wait_until(evaluated, SECONDS)
    assert running.ask("alerts")["alerts"] == []
    running.processes["serp"].send_signal(signal.SIGTERM)

    def fires() -> bool:
        firing = {alert["labels"]["alertname"] for alert in running.ask("alerts")["alerts"]}
        return "LandscapeTargetDown" in firing

    wait_until(fires, SECONDS)
