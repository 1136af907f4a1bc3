"""A whole system for chaos: two workers of search, one of videos, and a proxy on each of their links."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from services.gateway.standalone import probe
from services.gateway.standalone.machine import SERVICES, SimulatorOptions, Standalone
from services.gateway.standalone.process import Spec, is_alive
from shared.testing.eventually import wait_until
from tests.resilience.ledgers import sold
from tests.resilience.proxy import HOST, Proxy
from tests.resilience.scenario import FAULT_RATE, FEW, TIMING, process_tree

SECOND = "serp-2"
DOOMED = "doomed"
LINKS = ("redis", "postgres", "provider")
READY_SECONDS = 40.0
#: Of an answer, where a run does not set another.
LATENCY_MS = 100.0
#: An outage that opens a breaker must not outlast the test; a slot of the dead is free as soon as their lease is over.
ENVIRONMENT = {
    **TIMING,
    **{f"LANDSCAPE_PROVIDERS__{service.upper()}__BREAKER_SECONDS": "1" for service in FEW},
    **{f"LANDSCAPE_PROVIDERS__{service.upper()}__CONCURRENCY": "10" for service in FEW},
}


class Fragile(Standalone):
    """As `landscape up` runs it, but that workers reach stores and provider through `links` alone."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = ENVIRONMENT) -> None:
        self.links: dict[str, Proxy] = {}
        super().__init__(
            folder,
            simulator=SimulatorOptions(1, LATENCY_MS, FAULT_RATE),
            services=FEW,
            environment=environment,
        )

    def start(self) -> None:
        """Everything, and a second worker of search."""
        super().start()
        self._supervisor.launch(SERVICES, self._armed(SECOND))
        self._write_run_file()
        wait_until(self.process(SECOND).spec.ready, READY_SECONDS)

    def stop(self) -> None:
        """Everything, the links last."""
        super().stop()
        for link in self.links.values():
            link.__exit__()

    def pid(self, name: str) -> int:
        """Of the process that does the work."""
        return self.run_file.processes[name]

    def is_whole(self) -> bool:
        """Whether every process lives and the stores answer; the supervisor starts what died again."""
        living = all(map(is_alive, self.run_file.processes.values()))
        return living and all(self.process(store).spec.ready() for store in ("postgres", "redis"))

    def kill(self, *names: str) -> None:
        """SIGKILL all of these at once, whatever they have started included."""
        pids = [pid for name in names for pid in process_tree(self.pid(name))]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """SIGSTOP, and SIGCONT in the end: meanwhile they are as hung as a process can be."""
        pids = [pid for name in names for pid in process_tree(self.pid(name))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def leader(self, lease: str = "serp") -> str:
        """Name of the worker that holds this lease."""
        found: list[str] = []

        def is_led() -> bool:
            pids = {
                pid
                for (pid,) in self.ask(
                    "SELECT split_part(holder, ':', 2)::int FROM leases WHERE name = %s", lease
                )
            }
            found[:] = [name for name in (*FEW, SECOND) if pids & set(process_tree(self.pid(name)))]
            return bool(found)

        wait_until(is_led, what=lambda: f"nobody leads {lease}")
        return found[0]

    def ask(self, query: str, *parameters: object, **named: object) -> list[tuple[Any, ...]]:
        """Rows, by no proxy."""
        with psycopg.connect(self.run_file.postgres_url) as conn:
            return conn.execute(query.encode(), named or parameters).fetchall()

    def ledger(self) -> dict[str, dict[str, int]]:
        """What the simulator sold and charged so far, by provider."""
        return sold(self.run_file.simulator_url)

    @contextmanager
    def doomed(self, service: str, fault_point: str) -> Iterator["subprocess.Popen[bytes]"]:
        """One more worker, armed to die at a fault point; ready to work when it is given."""
        spec = self._armed(f"{service}-{DOOMED}", LANDSCAPE_RUNTIME__FAULT_POINT=fault_point)
        worker = subprocess.Popen(
            spec.argv, env=dict(spec.environment), stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            wait_until(lambda: worker.poll() is not None or spec.ready(), READY_SECONDS)
            yield worker
        finally:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    def deaths_at(self, fault_point: str, service: str = "serp") -> int:
        """How many doomed workers wrote, as the last they did, that they die here."""
        log = self.process(service).spec.log.with_stem(f"{service}-{DOOMED}")
        lines = log.read_text().splitlines() if log.exists() else []
        return sum("fault_point_reached" in line and fault_point in line for line in lines)

    def _armed(self, name: str, **environment: str) -> Spec:
        """A further worker of a service, with settings on top."""
        service = name.partition("-")[0]
        spec = self.process(service).spec
        port = probe.free_port()
        environment = {
            **spec.environment,
            "LANDSCAPE_EXPOSITION__PORT": str(port),
            "LANDSCAPE_LOG__FILE": str(spec.log.with_stem(name)),
            **environment,
        }
        return replace(
            spec, name=name, environment=environment, log=spec.log.with_stem(name),
            ready=lambda: probe.http_ok(f"http://{HOST}:{port}/readyz"),
        )  # fmt: skip

    def _worker(self, service: str, port: int, environment: dict[str, str]) -> Spec:
        base_url = environment[f"LANDSCAPE_PROVIDERS__{service.upper()}__BASE_URL"]
        ends = dict(zip(LINKS, (self.stores.redis_url, self.stores.postgres_url, base_url), strict=True))
        through = dict(environment)
        for name, url in ends.items():
            end = urlsplit(url)
            if name not in self.links:
                self.links[name] = Proxy(end.hostname or HOST, end.port or 0)
            through = {
                key: value.replace(f"{end.hostname}:{end.port}", f"{HOST}:{self.links[name].port}")
                for key, value in through.items()
            }
        return super()._worker(service, port, through)
