"""All checks in the order an operator would make them, each as soon as it is known."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from services.gateway.doctor import machine, packages, ports, postgres, providers, redis
from services.gateway.doctor.finding import Finding, hide, ok, one_line, wrong
from services.gateway.standalone import runfile
from services.gateway.standalone.runfile import RunFile
from services.gateway.standalone.services import ROOT
from shared import config
from shared.config import Settings
from shared.errors import ConfigError


def checkup(environment: Mapping[str, str], data_dir: Path, *, live: bool) -> Iterator[Finding]:
    """What this environment and data directory are like. No provider is called unless `live`."""
    yield machine.python()
    yield packages.packages(ROOT / "requirements.lock")
    yield machine.data_directory(data_dir)
    yield machine.disk(data_dir)
    try:
        settings = config.load(environment)
        secrets = settings.secrets
    except ConfigError as error:
        yield wrong("settings", one_line(error), "correct it; .env.example lists all there are")
        return
    running = runfile.read_running(data_dir)
    if running is not None:
        passwords = [urlsplit(url).password or "" for url in (running.postgres_url, running.redis_url)]
        secrets = [*secrets, running.token, *passwords]
    for finding in _checks(settings, running, environment, live=live):
        yield hide(finding, secrets)


def _checks(
    settings: Settings, running: RunFile | None, environment: Mapping[str, str], *, live: bool
) -> Iterator[Finding]:
    given = sum(name.startswith(config.PREFIX) for name in environment)
    yield ok("settings", f"{given} variables, all of them known")
    yield ports.gateway_port(settings, running)
    yield ports.worker_port(settings)
    postgres_url = running.postgres_url if running else settings.postgres_url
    redis_url = running.redis_url if running else settings.redis_url
    yield from asyncio.run(postgres.check(postgres_url)) if postgres_url else [postgres.own(environment)]
    yield from asyncio.run(redis.check(redis_url)) if redis_url else [redis.own()]
    yield from providers.credentials(settings)
    if live:
        from services.gateway.doctor.live import call_all  # noqa: PLC0415  a worker's libraries cost a second

        yield from asyncio.run(call_all(settings))
