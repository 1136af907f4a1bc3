"""The whole system on one machine: stores, simulator, gateway and one worker per service."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import msgspec

from services.gateway.standalone import probe, runfile, stack
from services.gateway.standalone.datadir import DataDir
from services.gateway.standalone.process import Process, Spec
from services.gateway.standalone.services import discover
from services.gateway.standalone.stores import Stores
from services.gateway.standalone.supervisor import Supervisor
from shared import config
from shared.errors import ConfigError

HOST = "127.0.0.1"
#: Who needs whom: the stores, the simulator, and everything else.
STORES, SIMULATOR, SERVICES, TIERS = range(4)

#: On top of drain_seconds before a worker is killed: Dramatiq's idle threads take 2 to 3 s to end.
WORKER_MARGIN_SECONDS = 3.0
GATEWAY_GRACE_SECONDS = 5.0
SIMULATOR_GRACE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """How the simulator behaves. None keeps its own default."""

    seed: int | None = None
    latency_ms: float | None = None
    fault_rate: float | None = None
    """Share of answers that fail, 0 to 1."""

    def arguments(self) -> list[str]:
        """As command line options."""
        values = {"--seed": self.seed, "--latency-ms": self.latency_ms, "--fault-rate": self.fault_rate}
        return [part for name, value in values.items() if value is not None for part in (name, str(value))]


@dataclass
class Standalone(AbstractContextManager["Standalone"]):
    """A system on one data directory. Entering starts it, leaving stops it; nothing of it stays, however this process ends."""

    data_dir: Path | str
    port: int = 0
    """Of the gateway; 0 takes a free one."""
    simulator: SimulatorOptions | None = None
    """None uses the providers the environment configures."""
    services: Sequence[str] | None = None
    """Whose workers run; None runs all that may: with some keys set, those with a key."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of this process's own."""
    say: Callable[[str], None] = lambda _: None
    """Gets a line whenever a process died and is started again."""

    run_file: runfile.RunFile = field(init=False)
    """Content of run.json once started."""
    workers: list[str] = field(init=False, default_factory=list)
    """Services whose workers run."""
    stores: Stores = field(init=False)
    _supervisor: Supervisor = field(init=False)
    _lock: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._directory = DataDir(self.data_dir)
        self._environment = {**os.environ, **self.environment}
        self._settings = config.load(self._environment)
        self.workers = self._choose_workers()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return when everything answers. Raises LandscapeError, with nothing left running."""
        host = self._settings.gateway.host
        if self.port and not probe.is_free(host, self.port):
            raise ConfigError(f"port {self.port} is in use; pass another --port (0 takes any free one)")
        self._directory.create()
        self._lock = lock = self._directory.acquire()
        self._supervisor = Supervisor(TIERS, (lock,), self.say, self._write_run_file)
        try:
            self._directory.run_file.unlink(missing_ok=True)  # a killed supervisor's
            self.stores = Stores(self._directory, lock, self._environment, self._settings)
            self._start(host, stack.common(self._environment))
        except BaseException:
            self.stop()
            raise

    def request_stop(self) -> None:
        """From a signal handler: a start that is under way gives up; a second request hurries the stop."""
        if self._lock is not None:
            self._supervisor.request_stop()

    def stop(self) -> None:
        """Return when every process is gone: gateway, workers, simulator, stores."""
        if self._lock is None:
            return
        self._supervisor.stop()
        self._directory.run_file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def process(self, name: str) -> Process:
        """One of the supervised processes."""
        return next(process for process in self._supervisor.processes if process.spec.name == name)

    def _start(self, host: str, common: dict[str, str]) -> None:
        for store in self.stores.prepare(common):
            self._supervisor.launch(STORES, store)
        environment, simulator_url = self._environment, None
        if self.simulator is not None:
            simulator_port = probe.free_port()
            simulator_url = f"http://{HOST}:{simulator_port}"
            environment = stack.simulated(environment, self.workers, simulator_url)
            self._supervisor.launch(SIMULATOR, self._simulator(self.simulator, simulator_port, common))
        self._supervisor.wait_ready()
        from shared.store.migrate import migrate  # noqa: PLC0415  `landscape up --help` needs no database driver

        migrate(self.stores.postgres_url)
        common |= {
            "LANDSCAPE_POSTGRES_URL": self.stores.postgres_url,
            "LANDSCAPE_REDIS_URL": self.stores.redis_url,
        }
        token = self._settings.token or self._directory.token()
        gateway_port = self.port or probe.free_port(host)
        gateway = self._gateway(
            host,
            gateway_port,
            common
            | stack.gateway(environment)
            | {"LANDSCAPE_TOKEN": token, "LANDSCAPE_SERVICES": ",".join(self.workers)},
        )
        ports = {service: probe.free_port() for service in self.workers}
        workers = [self._worker(s, port, common | stack.worker(environment, s)) for s, port in ports.items()]
        self._supervisor.launch(SERVICES, *workers)
        self._supervisor.launch(SERVICES, gateway)
        self._supervisor.wait_ready()
        self.run_file = runfile.RunFile(
            gateway_url=f"http://{host}:{gateway_port}",
            token=token,
            postgres_url=self.stores.postgres_url,
            redis_url=self.stores.redis_url,
            simulator_url=simulator_url,
            metrics_urls={service: f"http://{HOST}:{port}/metrics" for service, port in ports.items()},
            processes={},
        )
        self._write_run_file()
        self._supervisor.watch()

    def _choose_workers(self) -> list[str]:
        present = discover()
        if unknown := sorted(set(self.services or ()) - set(present)):
            raise ConfigError(f"there is no service {unknown[0]!r}; there are: {', '.join(present)}")
        if self.services is not None:
            return list(self.services)
        if self.simulator is not None:
            return present
        with_key = stack.configured(self._environment, present)
        if not with_key:
            wanted = " or ".join(f"{stack.provider_prefix(service)}API_KEY" for service in present)
            raise ConfigError(f"no provider has a key: set {wanted}, or use the simulator")
        return with_key

    def _simulator(self, options: SimulatorOptions, port: int, environment: Mapping[str, str]) -> Spec:
        return Spec(
            name="simulator",
            argv=_python("services.simulator", "--host", HOST, "--port", str(port), *options.arguments()),
            environment=environment,
            log=self._directory.log("simulator"),
            ready=partial(probe.http_ok, f"http://{HOST}:{port}/_control/ledger"),
            grace_seconds=SIMULATOR_GRACE_SECONDS,
        )

    def _gateway(self, host: str, port: int, environment: dict[str, str]) -> Spec:
        log = self._directory.log("gateway")
        settings = {
            "LANDSCAPE_GATEWAY__HOST": host,
            "LANDSCAPE_GATEWAY__PORT": str(port),
            "LANDSCAPE_LOG__FILE": str(log),
        }
        return Spec(
            name="gateway",
            argv=_python("services.gateway.cli", "gateway"),
            environment=environment | settings,
            log=log,
            ready=partial(probe.http_ok, f"http://{host}:{port}/readyz"),
            grace_seconds=GATEWAY_GRACE_SECONDS,
        )

    def _worker(self, service: str, port: int, environment: dict[str, str]) -> Spec:
        log = self._directory.log(service)
        settings = {
            "LANDSCAPE_EXPOSITION__HOST": HOST,
            "LANDSCAPE_EXPOSITION__PORT": str(port),
            "LANDSCAPE_LOG__FILE": str(log),
        }
        return Spec(
            name=service,
            argv=_python("services.gateway.cli", "worker", service),
            environment=environment | settings,
            log=log,
            ready=partial(probe.http_ok, f"http://{HOST}:{port}/readyz"),
            grace_seconds=self._settings.runtime.drain_seconds + WORKER_MARGIN_SECONDS,
        )

    def _write_run_file(self) -> None:
        pids = {"supervisor": os.getpid()} | {p.spec.name: p.pid for p in self._supervisor.processes}
        self.run_file = msgspec.structs.replace(self.run_file, processes=pids)
        runfile.write(self._directory.run_file, self.run_file)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
