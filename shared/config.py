"""Settings: LANDSCAPE_… variables, nested with __, decoded once. The only reader of the environment."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from shared.errors import ConfigError

PREFIX = "LANDSCAPE_"


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the REST API listens."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every one."""
    port: int = 8001
    """`landscape up --port` goes before it."""


class Exposition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a worker serves /metrics, /livez and /readyz."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every one."""
    port: int = 9191
    """0 takes any free port."""


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How log lines are written."""

    format: Literal["json", "text"] = "json"
    """One JSON object per line, or one readable line."""
    file: str = ""
    """Path of a file to append to; empty writes to stderr."""
    level: str = "info"
    """debug, info, warning or error: the least that is written."""


class Runtime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Timing of dispatch, leases and recovery. Seconds unless said otherwise."""

    lease_seconds: float = 30.0
    """A job, or a leader, that is not renewed for this long is given to another."""
    redispatch_seconds: float = 15.0
    """A dispatched job nobody claimed for this long is sent again."""
    linger_seconds: float = 2.0
    """How long a partial batch waits for company while upstream is still working."""
    tick_seconds: float = 0.1
    """Pause between two rounds of the dispatcher while there is work."""
    wait_in_place_seconds: float = 2.0
    """A gate's wait up to this long is slept in the worker; a longer one releases the item."""
    drain_seconds: float = 6.0
    """At shutdown, how long calls in flight may take to finish and be recorded."""
    threads: int = 16
    """Jobs a worker process holds at once. Calls are bounded by the provider's concurrency, not by this."""
    crash_limit: int = 5
    """An item whose worker died this often while processing it fails instead of being tried again."""
    fold_seconds: float = 5.0
    """Pause between two foldings of the counters' delta rows."""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Overrides of what a provider service declares. None keeps the declared value."""

    base_url: str | None = None
    """Another address than the provider's own. Answers then count as simulated."""
    api_key: str | None = None
    """The provider's key. A worker without key and without BASE_URL refuses to start."""
    requests_per_second: float | None = None
    """Calls that may start in a second, over all processes; 0 means no rate limit."""
    concurrency: int | None = None
    """Calls in flight at once, over all processes."""
    timeout_seconds: float | None = None
    """A call without a whole answer after this long has failed."""
    freshness_seconds: float | None = None
    """How long a stored fact answers instead of a new call."""
    unit_price: float | None = None
    """Money per unit; without it the cost is unknown, never 0."""
    transport: Literal["aiohttp", "httpx"] = "aiohttp"
    """aiohttp, or httpx for httpx's own transport (17 ms of CPU per call at 100 in flight)."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a process."""

    postgres_url: str = ""
    """postgresql://user:password@host:port/database"""
    redis_url: str = ""
    """redis://:password@host:port/0"""
    token: str = ""
    """The bearer token of the API. Without one the gateway refuses to start."""
    url: str = ""
    """Where the command line finds the gateway; empty takes what runs on the data directory."""
    gateway: Gateway = Gateway()
    exposition: Exposition = Exposition()
    log: Log = Log()
    runtime: Runtime = Runtime()
    providers: dict[str, Provider] = {}
    """By service name: serp, media."""

    def provider(self, service: str) -> Provider:
        """Overrides for this service, all None when nothing is set."""
        return self.providers.get(service, Provider())

    def require(self, *names: str) -> None:
        """Raise ConfigError naming the variables of these top-level settings that are empty."""
        missing = [f"{PREFIX}{name.upper()}" for name in names if not getattr(self, name)]
        if missing:
            raise ConfigError(f"{', '.join(missing)} must be set; `landscape up` sets all of them by itself")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises ConfigError naming the variable and the nearest valid one."""
    tree: dict[str, Any] = {}
    for name, value in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}PG_"):
            _place(tree, name, value)
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error))) from None


def _place(tree: dict[str, Any], name: str, value: str) -> None:
    *path, last = name.removeprefix(PREFIX).lower().split("__")
    if last.endswith("_file"):
        last, value = last.removesuffix("_file"), _read(name, value)
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{name}: {part} is a value and a group at once")
    tree[last] = value


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {path}: {error.strerror}") from None


def _explain(error: str) -> str:
    """`Expected `int`, got `str` - at `$.gateway.port`` in the words of the environment."""
    what, _, at = error.partition(" - at ")
    path = at.strip("`").removeprefix("$").strip(".").replace("[...]", "").replace(".", "__")
    if "unknown field" in what:
        field = what.split("`")[1]
        name = f"{path}__{field}" if path else field
        near = difflib.get_close_matches(name.upper(), names(), n=1, cutoff=0.5)
        hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
        return f"{PREFIX}{name.upper()} is not a setting{hint}"
    return f"{PREFIX}{path.upper()}: {what}"


def names() -> list[str]:
    """Every setting's variable without its prefix; PROVIDERS__<SERVICE>__… stands for any service."""
    found = []
    for field in msgspec.structs.fields(Settings):
        if field.name == "providers":
            found += [f"PROVIDERS__<SERVICE>__{f.name.upper()}" for f in msgspec.structs.fields(Provider)]
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found += [f"{field.name}__{f.name}".upper() for f in msgspec.structs.fields(field.type)]
        else:
            found.append(field.name.upper())
    return found
