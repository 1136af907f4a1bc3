"""Every service from its own wheel in an environment of its own, with its own credentials, started and stopped alone.

The wheels are built and installed by pip. What they need from others is linked from the environment the tests run
in, and nothing but what the packaging names: no index is asked, and an unnamed library is not there. No process
sees the checkout.
"""

import ensurepip
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from services.gateway.cli.api import Api
from services.gateway.standalone import stack
from services.gateway.standalone.probe import free_port, http_ok
from shared.domain.phases import CONTENT_SCRAPING, PHASES, of_service
from shared.testing.eventually import wait_until
from tests.architecture import distributions
from tests.architecture.distributions import PROVIDERS
from tests.conftest import REDIS_DATABASES, Servers

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

TOKEN = "the-token-of-the-gateway"
#: Short, because recovery is waited for.
TIMING = {"LANDSCAPE_RUNTIME__LEASE_SECONDS": "3", "LANDSCAPE_RUNTIME__REDISPATCH_SECONDS": "3"}
#: For a process to answer, or to end when it is asked to.
PROCESS_SECONDS = 30.0
#: For a pipeline to get as far as it can.
PIPELINE_SECONDS = 90.0
CREDENTIAL = re.compile(r"__(API_KEY|CLIENT_SECRET|REFRESH_TOKEN)$")


def pip() -> list[str]:
    """That of this environment, or the one that comes with Python."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    return [sys.executable, str(bundled / "pip")]


def install(folder: Path, name: str, wheels: Path) -> Path:
    """An environment with the wheel of one folder, that of what is shared if it needs it, and what both name."""
    python = distributions.make_environment(folder, distributions.needed(name))
    own = [next(wheels.glob(f"landscape_{name}-*.whl"))]
    if name != "simulator":
        own.append(next(wheels.glob("landscape_shared-*.whl")))
    command = [
        *pip(),
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        *map(str, own),
    ]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "PIP_CONFIG_FILE": os.devnull})
    return python


class Deployment:
    """Simulator, gateway and workers as processes that know of one another what their environment says."""

    def __init__(self, folder: Path, pythons: dict[str, Path], postgres_url: str, redis_url: str) -> None:
        self.folder, self.pythons = folder, pythons
        self.stores = {"LANDSCAPE_POSTGRES_URL": postgres_url, "LANDSCAPE_REDIS_URL": redis_url}
        self.ports = {name: free_port() for name in pythons}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.simulator_url = f"http://127.0.0.1:{self.ports['simulator']}"
        self.api = Api(f"http://127.0.0.1:{self.ports['gateway']}", TOKEN)
        keys = {
            f"{stack.provider_prefix(service)}{name}": f"{name}-of-{service}".lower()
            for service in PROVIDERS
            for name in ("API_KEY", "CLIENT_SECRET", "REFRESH_TOKEN")
        }
        simulated = stack.simulated({}, PROVIDERS, self.simulator_url)
        self.settings = simulated | {name: value for name, value in keys.items() if name in simulated}

    def environment(self, name: str) -> dict[str, str]:
        """All that a process is told."""
        port = str(self.ports[name])
        if name == "simulator":
            return {}
        if name == "gateway":
            own = {
                "LANDSCAPE_TOKEN": TOKEN,
                "LANDSCAPE_GATEWAY__PORT": port,
                "LANDSCAPE_SERVICES": ",".join(PROVIDERS),
            }
            return self.stores | own | stack.gateway(self.settings)
        return self.stores | TIMING | {"LANDSCAPE_EXPOSITION__PORT": port} | stack.worker(self.settings, name)

    def start(self, *names: str) -> None:
        """Return when all of them are ready."""
        for name in names:
            words = {
                "simulator": ["services.simulator", "--port", str(self.ports[name]), "--latency-ms", "20"],
                "gateway": ["services.gateway.cli", "gateway"],
            }.get(name, ["shared.runtime.run", name])
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [self.pythons[name], "-m", *words],
                    cwd=self.folder, env=self.environment(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
        for name in names:
            self._wait_ready(name)

    def _wait_ready(self, name: str) -> None:
        url = f"http://127.0.0.1:{self.ports[name]}/{'livez' if name == 'simulator' else 'readyz'}"
        wait_until(lambda: http_ok(url), PROCESS_SECONDS, what=lambda: f"{name}: {self.log(name)}")

    def stop(self, name: str) -> None:
        """As an orchestrator does: SIGTERM, and time to end."""
        process = self.processes.pop(name)
        process.terminate()
        assert process.wait(PROCESS_SECONDS) == 0, self.log(name)

    def end(self) -> None:
        """Whatever is left."""
        self.api.__exit__()
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PROCESS_SECONDS)

    def log(self, name: str) -> str:
        """The end of what it wrote."""
        return (self.folder / f"{name}.log").read_text()[-2000:]

    def begin(self, *keywords: str) -> str:
        """A pipeline's id."""
        body = {"keywords": keywords, "regions": ["US"], "content_types": ["organic", "video"]}
        return str(self.api.start(json.dumps(body).encode())["pipeline_id"])

    def phases(self, pipeline_id: str) -> dict[str, dict[str, int]]:
        """Counts of each phase."""
        return {phase.pop("phase"): phase for phase in self.api.progress(pipeline_id)["phases"]}

    def complete(self, pipeline_id: str) -> None:
        """Return when the pipeline has completed; its audit must be green."""

        def state() -> str:
            return str(self.api.progress(pipeline_id)["state"])

        wait_until(lambda: state() != "running", PIPELINE_SECONDS, what=lambda: str(self.phases(pipeline_id)))
        phases = self.phases(pipeline_id)
        # Some sites of the simulated web never answer; nothing else may be missing.
        gaps = {name for name, counts in phases.items() if counts["failed"]}
        assert gaps <= {CONTENT_SCRAPING}, phases
        assert state() == ("completed_with_gaps" if gaps else "completed"), phases
        assert all(map(is_done, phases.values())), phases
        failed = [check for check in self.api.audit(pipeline_id)["checks"] if not check["passed"]]
        assert failed == []


def is_done(phase: dict[str, int]) -> bool:
    """Whether there were items, and none is left to do."""
    return phase["pending"] == phase["processing"] == 0 < phase["planned"]


def waiting_for(service: str) -> set[str]:
    """Phases that cannot end without this service: its own, and those that are fed by it or close the pipeline."""
    waiting = {of_service(service).name}
    for phase in PHASES.values():
        if waiting & set(phase.upstream) or not phase.service:
            waiting.add(phase.name)
    return waiting


@pytest.fixture(scope="module")
def deployed(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything built, installed, migrated and started."""
    folder = tmp_path_factory.mktemp("independent")
    distributions.build_wheels(folder, "shared", "gateway", "simulator", *PROVIDERS)
    names = ("simulator", "gateway", *PROVIDERS)
    pythons = {name: install(folder / name, name, folder) for name in names}
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE independent")
    postgres_url = urlsplit(servers.postgres_url)._replace(path="/independent").geturl()
    redis_url = urlsplit(servers.redis_url)._replace(path=f"/{REDIS_DATABASES - 1}").geturl()
    system = Deployment(folder, pythons, postgres_url, redis_url)
    try:
        landscape = pythons["gateway"].with_name("landscape")
        subprocess.run([landscape, "migrate"], env=system.stores, cwd=folder, check=True, timeout=60)
        system.start(*names)
        yield system
    finally:
        system.end()
        with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE independent WITH (FORCE)")


@pytest.mark.parametrize("service", PROVIDERS)
def test_environment_of_a_service_has_no_other(deployed: Deployment, service: str) -> None:
    """What is imported there lies there, and no other service can be."""
    code = f"""
import pkgutil, services, shared
import services.{service}.provider as provider
print([module.name for module in pkgutil.iter_modules(services.__path__)])
print(shared.__file__)
print(provider.__file__)
"""
    done = subprocess.run(
        [deployed.pythons[service], "-c", code],
        cwd=deployed.folder, env={}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    there, *files = done.stdout.splitlines()

    assert there == str([service])
    assert all(file.startswith(str(deployed.folder / service)) for file in files)


@pytest.mark.parametrize("service", PROVIDERS)
def test_service_is_told_its_own_credentials_alone(deployed: Deployment, service: str) -> None:
    """And the gateway none."""
    own = {name for name in deployed.environment(service) if CREDENTIAL.search(name)}

    assert own
    assert all(name.startswith(stack.provider_prefix(service)) for name in own)
    assert not [name for name in deployed.environment("gateway") if CREDENTIAL.search(name)]


def test_pipeline_completes_on_separate_processes(deployed: Deployment) -> None:
    """Every service had a part in it, and sold nothing twice."""
    deployed.complete(deployed.begin("water filter", "air filter", "oil filter"))
    ledger = httpx.get(f"{deployed.simulator_url}/_control/ledger").json()

    assert {name: page["repeated_subjects"] for name, page in ledger.items()} == dict.fromkeys(ledger, 0)
    assert sum(page["calls"] > 0 for page in ledger.values()) >= len(PROVIDERS)


@pytest.mark.parametrize("service", PROVIDERS)
def test_stopped_service_stops_only_its_phase(deployed: Deployment, service: str) -> None:
    """The others go on to their end; started again, it does what had waited."""
    phase, waiting = of_service(service).name, waiting_for(service)
    deployed.stop(service)
    try:
        pipeline_id = deployed.begin(f"{service} garden")

        def others_are_done() -> bool:
            phases = deployed.phases(pipeline_id)
            return all(is_done(counts) for name, counts in phases.items() if name not in waiting)

        wait_until(others_are_done, PIPELINE_SECONDS, what=lambda: str(deployed.phases(pipeline_id)))
        stopped = deployed.phases(pipeline_id)[phase]
        assert (stopped["completed"], stopped["processing"]) == (0, 0)
        assert stopped["pending"] == stopped["planned"] > 0
        assert deployed.api.progress(pipeline_id)["state"] == "running"
    finally:
        deployed.start(service)
    deployed.complete(pipeline_id)


def test_services_may_be_restarted_one_after_another_meanwhile(deployed: Deployment) -> None:
    """As a new version is rolled out: calls in flight end and are recorded, the rest waits for the new process."""
    pipeline_id = deployed.begin(*(f"restart {n}" for n in range(12)))
    for service in PROVIDERS:
        deployed.stop(service)
        deployed.start(service)
    deployed.complete(pipeline_id)
