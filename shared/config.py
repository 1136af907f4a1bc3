"""Settings: LANDSCAPE_… variables, nested with __, decoded once. The only reader of the environment."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from shared.errors import ConfigError

T = TypeVar("T")

PREFIX = "LANDSCAPE_"
#: The seed's names of settings that stand in the group Log. Ours go before them.
SEED_PREFIX = "ROBUSTNESS_"
SEED_NAMES = {
    "ROBUSTNESS_DEBUG_ENABLED": f"{PREFIX}LOG__DEBUG_ENABLED",
    "ROBUSTNESS_LOG_TO_FILE": f"{PREFIX}LOG__FILE_ENABLED",
    "ROBUSTNESS_LOG_CIRCUIT_BREAKER": f"{PREFIX}LOG__CIRCUIT_BREAKER",
    "ROBUSTNESS_LOG_JOB_QUEUE": f"{PREFIX}LOG__JOB_QUEUE",
    "ROBUSTNESS_LOG_PERFORMANCE_METRICS": f"{PREFIX}LOG__PERFORMANCE_METRICS",
}
#: Where lines go that are to go to a file nobody named.
LOG_FILE = "landscape.log"
#: Settings of a provider that only one service has.
PARTICULAR = {
    **dict.fromkeys(
        (
            "client_id",
            "client_secret",
            "refresh_token",
            "oauth_url",
            "customer_id",
            "login_customer_id",
            "version",
        ),
        "keywords",
    ),
    **dict.fromkeys(("model", "organization", "project"), "llm"),
}

_YEAR_SECONDS = 366 * 24 * 60 * 60

Port = Annotated[int, Meta(ge=0, le=65535)]
Level = Annotated[str, Meta(pattern="(?i)^(debug|info|warning|error|critical)$")]
Count = Annotated[int, Meta(ge=1, le=100_000)]
Rate = Annotated[float, Meta(ge=0, le=1e6)]
Price = Annotated[float, Meta(ge=0, le=1e9)]
Doom = Annotated[
    str, Meta(pattern="^((after_claim|after_answer|before_commit|after_commit):[1-9][0-9]{0,5})?$")
]
#: Seconds that pass, or may be none.
Term = Annotated[float, Meta(gt=0, le=_YEAR_SECONDS)]
Pause = Annotated[float, Meta(ge=0, le=_YEAR_SECONDS)]


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the REST API listens."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every one."""
    port: Port = 8001
    """`landscape up --port` goes before it."""
    requests_per_second: Rate = 200.0
    """Requests of one key that are answered in a second on the long run, by one gateway; 0 means no limit."""
    burst: Count = 1000
    """Requests of one key that may come at once."""


class Exposition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a worker serves /metrics, /livez and /readyz."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every one."""
    port: Port = 9191
    """0 takes any free port."""


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where messages of events may go."""

    allow_private: bool = False
    """Also to this machine and private networks, and by http. Whoever may register webhooks then reaches what this
    machine reaches."""


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How log lines are written."""

    format: Literal["json", "text"] = "json"
    """One JSON object per line, or one readable line."""
    file: str = ""
    """Path of a file to append to; empty writes to stderr."""
    level: Level = "info"
    """debug, info, warning or error: the least that is written."""
    debug_enabled: bool = False
    """As LEVEL=debug, whatever LEVEL says."""
    file_enabled: bool | None = None
    """true writes to `landscape.log` where FILE names no other; false to stderr although FILE does."""
    circuit_breaker: bool | None = None
    """Lines about breakers and the gate: true all of them, false those of errors alone, unset by LEVEL."""
    job_queue: bool | None = None
    """Likewise about jobs: formed, sent, claimed, ended, expired."""
    performance_metrics: bool | None = None
    """Likewise about memory, processor and throughput of each process, once a minute; they are of level debug."""

    @property
    def path(self) -> str:
        """Of the file; empty for stderr."""
        if self.file_enabled is False:
            return ""
        return self.file or (LOG_FILE if self.file_enabled else "")


class Runtime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Timing of dispatch, leases and recovery. Seconds unless said otherwise."""

    lease_seconds: Term = 30.0
    """A job, or a leader, that is not renewed for this long is given to another."""
    redispatch_seconds: Term = 15.0
    """A dispatched job nobody claimed for this long is sent again."""
    linger_seconds: Pause = 2.0
    """How long a partial batch waits for company while upstream is still working."""
    tick_seconds: Pause = 0.1
    """Pause between two rounds of the dispatcher while there is work."""
    wait_in_place_seconds: Pause = 2.0
    """A gate's wait up to this long is slept in the worker; a longer one releases the item."""
    drain_seconds: Pause = 30.0
    """At shutdown, how long calls in flight may take to finish and be recorded; what is cut off may be bought again."""
    threads: Count = 16
    """Jobs a worker process holds at once. Calls are bounded by the provider's concurrency, not by this."""
    crash_limit: Count = 5
    """An item whose worker died this often while processing it fails instead of being tried again."""
    fold_seconds: Term = 5.0
    """Pause between two foldings of the counters' delta rows."""
    fault_point: Doom = ""
    """For tests alone: `after_claim:3` kills a worker the third time it gets there; refused where the provider is real."""
    audit_seconds: Pause = 900.0
    """Pause between two audits of a running pipeline; one that has ended is audited once. 0: none is by itself."""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Overrides of what a provider service declares. None keeps the declared value."""

    base_url: str | None = None
    """Another address than the provider's own. Answers then count as simulated."""
    api_key: str | None = None
    """The provider's key. A worker without key and without BASE_URL refuses to start."""
    requests_per_second: Rate | None = None
    """Calls that may start in a second, over all processes; 0 means no rate limit."""
    concurrency: Count | None = None
    """Calls in flight at once, over all processes."""
    units_per_day: Rate | None = None
    """Units that may be charged in a day of the provider's own time zone; 0 means no limit."""
    budget_per_day: Price | None = None
    """Money that may be spent in a day; needs UNIT_PRICE."""
    timeout_seconds: Term | None = None
    """A call without a whole answer after this long has failed."""
    freshness_seconds: Pause | None = None
    """How long a stored fact answers instead of a new call."""
    failure_threshold: Count | None = None
    """The breaker opens after so many faults of the provider in a row."""
    success_threshold: Count | None = None
    """It closes after so many calls that succeed while it is tried out."""
    breaker_seconds: Term | None = None
    """How long it stays open before it is tried out."""
    in_doubt: Literal["rebuy", "hold"] | None = None
    """A fact whose purchase is in doubt: rebuy buys it again, hold lets it wait until an operator decides."""
    unit_price: Price | None = None
    """Money per unit; without it the cost is unknown, never 0."""
    client_id: str | None = None
    """OAuth: the client a refresh token was given to."""
    client_secret: str | None = None
    """OAuth: that client's secret."""
    refresh_token: str | None = None
    """OAuth: what access tokens are got with."""
    oauth_url: str = "https://oauth2.googleapis.com/token"
    """OAuth: where access tokens are got."""
    customer_id: str | None = None
    """The account of Google Ads that is asked, ten digits."""
    login_customer_id: str | None = None
    """The manager account through which it is reached, if any."""
    version: str | None = None
    """Version of the API, as in v26."""
    model: str | None = None
    """The model that analyses pages, unless a pipeline names its own; the gateway reads it."""
    organization: str | None = None
    """Whom calls are counted for, if the key belongs to several."""
    project: str | None = None
    """As `ORGANIZATION`."""
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
    services: str = ""
    """For the gateway: services that run here, separated by commas; phases of others are off. Empty: all run."""
    url: str = ""
    """Where the command line finds the gateway; empty takes what runs on the data directory."""
    gateway: Gateway = Gateway()
    exposition: Exposition = Exposition()
    log: Log = Log()
    webhooks: Webhooks = Webhooks()
    runtime: Runtime = Runtime()
    providers: dict[str, Provider] = {}
    """By service name: serp, keywords, enrichment, media, pages, llm."""

    @property
    def secrets(self) -> list[str]:
        """What no log may hold: token, keys, and the passwords of the stores' URLs."""
        passwords = [_password(url) for url in (self.postgres_url, self.redis_url)]
        keys = [
            key or ""
            for own in self.providers.values()
            for key in (own.api_key, own.client_secret, own.refresh_token)
        ]
        return [self.token, *keys, *passwords]

    def provider(self, service: str) -> Provider:
        """Overrides for this service, all None when nothing is set."""
        return self.providers.get(service, Provider())

    def require(self, *names: str) -> None:
        """Raise ConfigError naming the variables of these top-level settings that are empty."""
        missing = [f"{PREFIX}{name.upper()}" for name in names if not getattr(self, name)]
        if missing:
            raise ConfigError(f"{', '.join(missing)} must be set; `landscape up` sets all of them by itself")


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:  # no address: whoever connects says so
        return ""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises ConfigError naming the variable and the nearest valid one."""
    given = {
        name: value
        for name, value in sorted((os.environ if environ is None else environ).items())
        if name.startswith((PREFIX, SEED_PREFIX)) and not name.startswith(f"{PREFIX}PG_")
    }
    for name in [name for name in given if name.startswith(SEED_PREFIX)]:
        ours, value = _ours(name), given.pop(name)
        if ours not in given and f"{ours}_FILE" not in given:
            _check_switch(name, value)
            given[ours] = value
    tree: dict[str, Any] = {}
    for name, value in given.items():
        _place(tree, name, value)
    providers = tree.get("providers")
    if isinstance(providers, dict):  # each by itself, for an error inside a mapping does not say in which
        for service, own in providers.items():
            _convert(own, Provider, f"PROVIDERS__{service.upper()}", given)
    return _convert(tree, Settings, "", given)


def _ours(name: str) -> str:
    if name not in SEED_NAMES:
        near = difflib.get_close_matches(name, SEED_NAMES, n=1, cutoff=0)
        raise ConfigError(f"{name} is not a setting; did you mean {near[0]}?")
    return SEED_NAMES[name]


def _check_switch(name: str, value: str) -> None:
    try:
        msgspec.convert(value, bool, strict=False)
    except msgspec.ValidationError:
        raise ConfigError(f"{name}: expected true or false, got {value!r}") from None


def _place(tree: dict[str, Any], name: str, value: str) -> None:
    *path, last = name.removeprefix(PREFIX).lower().split("__")
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{name}: {part} is a value and a group at once")
    if last.endswith("_file"):
        # A value comes earlier in the alphabet than its _FILE, and goes before it.
        if (last := last.removesuffix("_file")) in tree:
            return
        value = _read(name, value)
    tree[last] = value


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        pass  # its error holds the content, which may be a secret
    raise ConfigError(f"{name}: cannot read {path}: it is no text")


def _convert(tree: object, kind: type[T], group: str, given: Iterable[str]) -> T:
    try:
        return msgspec.convert(tree, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), group, given)) from None


def _explain(error: str, group: str, given: Iterable[str]) -> str:
    """`Expected `int`, got `str` - at `$.gateway.port`` in the words of the environment."""
    what, _, at = error.partition(" - at ")
    path = [group, *at.strip("`").removeprefix("$").upper().split(".")]
    unknown = "unknown field" in what
    if unknown:
        path.append(what.split("`")[1].upper())
    name = "__".join(filter(None, path))
    # As it was given: a field's variable may end in _FILE, an unknown group's goes on.
    name = next(
        (n for n in given if re.match(rf"{PREFIX}{name}(_FILE|__.*)?$", n, re.IGNORECASE)), PREFIX + name
    )
    return f"{name} is not a setting{_nearest(name)}" if unknown else f"{name}: {what}"


def _nearest(name: str) -> str:
    wanted = name.upper().removeprefix(PREFIX)
    known = names()
    if match := re.match(r"PROVIDERS__([^_]+)__", wanted):
        known = [n.replace("<SERVICE>", match[1]) for n in known]
    begun = [n for n in known if n.startswith(wanted)]
    near = begun or difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    return f"; did you mean {PREFIX}{near[0]}?" if near else ""


def wants_traces(environ: Mapping[str, str] | None = None) -> bool:
    """Whether OpenTelemetry's own variables name a collector, and do not turn it off."""
    given = os.environ if environ is None else environ
    named = any(given.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT"))
    off = given.get("OTEL_SDK_DISABLED", "").lower() == "true" or given.get("OTEL_TRACES_EXPORTER") == "none"
    return named and not off


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
