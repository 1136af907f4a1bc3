"""Redis: does it answer, would it throw messages away, what would it forget, is its clock right?"""

import asyncio
import time
from typing import Any

from services.gateway.doctor import clock
from services.gateway.doctor.finding import Finding, address, note, ok, one_line, scheme, wrong
from services.gateway.standalone import redis as embedded
from shared.broker.client import build_async_client, ping
from shared.errors import ConfigError

#: A store that hangs must not hang the diagnosis. Seconds.
BUDGET_SECONDS = 10.0
#: The oldest version the tests run on, as Redis itself counts: Valkey reports one of these, too.
OLDEST = (7, 0)

_CURE = "start it, or correct LANDSCAPE_REDIS_URL"


def own() -> Finding:
    """For when no address is set: can `landscape up` run a server of its own?"""
    try:
        program = embedded.locate()
    except ConfigError as error:
        return wrong("redis", one_line(error), "or set LANDSCAPE_REDIS_URL")
    return ok("redis", f"no address is set; `landscape up` runs its own from {program}")


async def check(url: str, budget_seconds: float = BUDGET_SECONDS) -> list[Finding]:
    """Of the server at `url`, which may take this long for everything together."""
    if scheme(url) not in {"redis", "rediss"} or not address(url):
        cure = "set LANDSCAPE_REDIS_URL as in redis://:password@host:port/0"
        return [wrong("redis", "its address is none", cure)]
    client = build_async_client(url)
    try:
        async with asyncio.timeout(budget_seconds):
            if reason := await ping(client):
                return [wrong("redis", reason, _CURE)]
            before = time.time()
            seconds, microseconds = await client.time()
            after = time.time()
            info = await client.info()
    except TimeoutError:
        return [wrong("redis", f"no answer within {budget_seconds:g} s from {address(url)}", _CURE)]
    finally:
        await client.aclose(close_connection_pool=True)
    clocks = clock.compare("redis", seconds + microseconds / 1e6, before, after)
    return [_version(info, address(url)), _eviction(info), _persistence(info), clocks]


def _version(info: dict[str, Any], where: str) -> Finding:
    version = str(info["redis_version"])
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        return wrong("redis", f"{name} at {where}", "use Redis 7 or later, or Valkey")
    return ok("redis", f"{name} at {where}")


def _eviction(info: dict[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return ok("redis eviction", "maxmemory-policy is noeviction")
    return wrong(
        "redis eviction",
        f"maxmemory-policy is {policy}: a full server throws messages and limits away",
        "CONFIG SET maxmemory-policy noeviction, and in its configuration file",
    )


def _persistence(info: dict[str, Any]) -> Finding:
    if info.get("aof_enabled"):
        return ok("redis persistence", "the append-only file is on")
    return note(
        "redis persistence",
        "the append-only file is off: after a restart messages are sent again from Postgres",
    )
