"""Servers and rules every test shares: one Postgres, one Redis, a clean environment, loopback only."""

import fcntl
import gc
import ipaddress
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from services.gateway.standalone.postgres import Postgres
from services.gateway.standalone.process import Process, is_alive
from services.gateway.standalone.redis import Redis
from shared.store.migrate import migrate
from shared.store.pool import Connection, Pool, build_pool

HOME = pytest.StashKey[Path]()
LIFELINE = pytest.StashKey[int]()
STARTED = pytest.StashKey[list[Process]]()
#: In xdist's message to its workers.
HOME_KEY = "servers_home"

#: A test's data need not survive a crash of the machine.
POSTGRES_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}
#: One per xdist worker.
REDIS_DATABASES = 64
TEMPLATE = "migrated"
STOP_SECONDS = 15.0

_numbers = count()


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the session's servers answer, and which guards run them."""

    postgres_url: str
    redis_url: str
    guards: list[int]


def pytest_configure(config: pytest.Config) -> None:
    """Make the directory the servers will be started in. They end with the pipe that this process holds open."""
    sys.addaudithook(_allow_loopback_only)
    if workerinput := getattr(config, "workerinput", None):
        config.stash[HOME] = Path(workerinput[HOME_KEY])
        return
    config.stash[HOME] = home = Path(tempfile.mkdtemp(prefix="landscape-tests-"))
    home.chmod(0o711)
    os.mkfifo(home / "lifeline", 0o600)
    config.stash[LIFELINE] = os.open(home / "lifeline", os.O_RDWR | os.O_CLOEXEC)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is there before the first test stays: looking through it for garbage again and again is a quarter of the time.

    What is measured runs with the collector as users have it.
    """
    if any(item.get_closest_marker("benchmark") for item in session.items):
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each xdist worker where the servers are."""
    node.workerinput[HOME_KEY] = str(node.config.stash[HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, however the session ended, and leave nothing behind."""
    if LIFELINE not in config.stash:
        return
    home = config.stash[HOME]
    os.close(config.stash[LIFELINE])
    deadline = time.monotonic() + STOP_SECONDS
    if (home / "servers.json").exists():
        while any(map(is_alive, _read(home).guards)) and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("LANDSCAPE_", "ROBUSTNESS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The session's Postgres and Redis; whoever asks first starts them."""
    home = pytestconfig.stash[HOME]
    with (home / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "servers.json").exists():
            pytestconfig.stash[STARTED] = _start(home)
    return _read(home)


@pytest.fixture(scope="session")
def postgres_admin(servers: Servers) -> Iterator[psycopg.Connection]:
    """A session of the server's owner in its maintenance database."""
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def postgres_url(servers: Servers, postgres_admin: psycopg.Connection, worker_id: str) -> Iterator[str]:
    """A database of this test's own, with the present schema."""
    name = f"test_{worker_id}_{next(_numbers)}"
    # Copied as files: nothing of it need survive, and a third of the time is saved.
    postgres_admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    yield _database(servers.postgres_url, name)
    postgres_admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def conn(postgres_url: str) -> AsyncIterator[Connection]:
    """A session in this test's database; autocommit, as the store's."""
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[Pool]:
    """Connections to this test's database, as a service has them."""
    async with build_pool(postgres_url) as pool:
        yield pool


@pytest.fixture
def redis_url(servers: Servers, worker_id: str) -> str:
    """An empty Redis database. FLUSHALL, or anything else about the server as a whole, disturbs other tests."""
    number = 0 if worker_id == "master" else 1 + int(worker_id.removeprefix("gw"))
    url = _database(servers.redis_url, str(number))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


def _start(home: Path) -> list[Process]:
    postgres = Postgres(home / "postgres", settings=POSTGRES_SETTINGS)
    valkey = Redis(home / "redis", databases=REDIS_DATABASES, durable=False)
    specs = [server.prepare(home / "log", os.environ) for server in (postgres, valkey)]
    lifeline = os.open(home / "lifeline", os.O_RDONLY | os.O_CLOEXEC)
    processes = [Process(spec, lifeline) for spec in specs]
    try:
        for process in processes:
            process.start()
        for process in processes:
            _wait_ready(process)
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(_database(postgres.url, TEMPLATE))
    except BaseException:
        for process in processes:
            process.kill()
        raise
    finally:
        os.close(lifeline)
    guards = [process.guard_pid for process in processes]
    (home / "servers.json").write_text(json.dumps(asdict(Servers(postgres.url, valkey.url, guards))))
    return processes


def _wait_ready(process: Process) -> None:
    deadline = time.monotonic() + process.spec.ready_seconds
    while not process.spec.ready():
        assert process.exit_code is None, process.tail()
        assert time.monotonic() < deadline, process.tail()
        time.sleep(0.02)


def _read(home: Path) -> Servers:
    return Servers(**json.loads((home / "servers.json").read_text()))


def _database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _allow_loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: no test reaches another machine, whichever library tries."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_loopback(host):
        raise RuntimeError(f"a test tried to reach {host!r}; only loopback is allowed")


def _is_loopback(host: Any) -> bool:
    if host in {None, "", "localhost", b"localhost"}:
        return True
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else bytes(host).decode()).is_loopback
    except ValueError:
        return False
