"""Postgres and Redis of a data directory: for the whole system, or alone for a command that only reads."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.gateway.standalone import runfile, stack
from services.gateway.standalone.datadir import DataDir
from services.gateway.standalone.postgres import Postgres
from services.gateway.standalone.process import Spec
from services.gateway.standalone.redis import Redis
from services.gateway.standalone.supervisor import Supervisor
from shared import config
from shared.errors import ConfigError

#: Name and number in what a server's --version prints.
_VERSION = re.compile(r"(PostgreSQL|Redis|Valkey)\b.*?(\d+(?:\.\d+)+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StoreUrls:
    """Where the stores answer."""

    postgres_url: str
    redis_url: str | None
    """None when it was not asked for."""


class Stores:
    """Two servers of ours, each replaced by the one its URL in the settings names."""

    def __init__(
        self, directory: DataDir, lock: int, environment: Mapping[str, str], settings: config.Settings
    ) -> None:
        self._directory = directory
        self._environment = environment
        self._settings = settings
        self._postgres = None if settings.postgres_url else Postgres(directory.path / "postgres", lock=lock)
        self._redis = None if settings.redis_url else Redis(directory.path / "redis")

    def prepare(self, common: Mapping[str, str], *, redis: bool = True) -> list[Spec]:
        """What to run, Postgres first; initialises new data. Raises ConfigError."""
        specs = []
        if self._postgres is not None:
            specs.append(self._postgres.prepare(self._directory.log("postgres"), self._environment))
        if self._redis is not None and redis:
            specs.append(self._redis.prepare(self._directory.log("redis"), common))
        return specs

    @property
    def postgres_url(self) -> str:
        """Where Postgres answers."""
        return self._postgres.url if self._postgres is not None else self._settings.postgres_url

    @property
    def redis_url(self) -> str:
        """Where the Redis-compatible server answers."""
        return self._redis.url if self._redis is not None else self._settings.redis_url

    @property
    def versions(self) -> dict[str, str]:
        """For people: which programs run, by store."""
        return {
            "Postgres": "as LANDSCAPE_POSTGRES_URL says"
            if self._postgres is None
            else _named(self._postgres.version),
            "Redis": "as LANDSCAPE_REDIS_URL says" if self._redis is None else _named(self._redis.version),
        }


def _named(version: str) -> str:
    """`Redis server v=7.0.15 sha=…` as `Redis 7.0.15`."""
    found = _VERSION.search(version)
    return f"{found[1]} {found[2]}" if found else version


@contextmanager
def stores_only(data_dir: Path | str, *, redis: bool = False) -> Iterator[StoreUrls]:
    """The stores of a data directory: those of the running system, else started for the length of this context.

    Raises ConfigError when there is no data.
    """
    if running := runfile.read_running(data_dir):
        yield StoreUrls(running.postgres_url, running.redis_url if redis else None)
        return
    environment = dict(os.environ)
    settings = config.load(environment)
    directory = DataDir(data_dir)
    if not settings.postgres_url and not (directory.path / "postgres" / "data").exists():
        raise ConfigError(f"{directory.path} holds no data; `landscape up --data-dir {data_dir}` makes some")
    directory.create()
    lock = directory.acquire()
    supervisor = Supervisor(1, (lock,))
    try:
        stores = Stores(directory, lock, environment, settings)
        for spec in stores.prepare(stack.common(environment), redis=redis):
            supervisor.launch(0, spec)
        supervisor.wait_ready()
        yield StoreUrls(stores.postgres_url, stores.redis_url if redis else None)
    finally:
        supervisor.stop()
        os.close(lock)
