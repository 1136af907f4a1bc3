"""Postgres: does it answer, can it be written to, has it this code's schema, is its clock right?"""

import asyncio
import time
from collections.abc import Mapping

from services.gateway.doctor import clock
from services.gateway.doctor.finding import Finding, address, note, ok, one_line, scheme, wrong
from services.gateway.standalone import identity
from services.gateway.standalone import postgres as embedded
from shared.errors import ConfigError, SchemaError
from shared.store.health import look_at_server
from shared.store.migrate import require_schema
from shared.store.pool import Connection, Unavailable

#: A store that hangs must not hang the diagnosis. Seconds.
BUDGET_SECONDS = 10.0
#: The oldest major version this was measured on, and the one the tests run on.
OLDEST, TESTED = 15, 18
#: From here on a transaction has a timeout of its own: the rows of a process that hangs in the middle of one are free after it.
TIMES_OUT = 17

_CURE = "start it, or correct LANDSCAPE_POSTGRES_URL"


def own(environment: Mapping[str, str]) -> Finding:
    """For when no address is set: can `landscape up` run a server of its own?"""
    try:
        programs = embedded.locate(environment)
        identity.choose()
    except ConfigError as error:
        return wrong("postgres", one_line(error), "or set LANDSCAPE_POSTGRES_URL")
    return ok("postgres", f"no address is set; `landscape up` runs its own from {programs}")


async def check(url: str, budget_seconds: float = BUDGET_SECONDS) -> list[Finding]:
    """Of the server at `url`, which may take this long for everything together."""
    if scheme(url) not in {"postgresql", "postgres"}:
        cure = "set LANDSCAPE_POSTGRES_URL as in postgresql://user:password@host:port/database"
        return [wrong("postgres", "its address is none", cure)]
    try:
        async with asyncio.timeout(budget_seconds):
            connection = await Connection.connect(url, autocommit=True, connect_timeout=int(BUDGET_SECONDS))
            async with connection:
                return await _examine(connection, address(url))
    except TimeoutError:
        return [wrong("postgres", f"no answer within {budget_seconds:g} s from {address(url)}", _CURE)]
    except Unavailable as error:
        return [wrong("postgres", one_line(error), _CURE)]


async def _examine(connection: Connection, where: str) -> list[Finding]:
    before = time.time()
    server = await look_at_server(connection)
    after = time.time()
    found = [version(connection.info.server_version // 10_000, where)]
    if server.standby:
        detail = f"{where} is a standby and takes no writes"
        found.append(wrong("postgres", detail, "name the primary in LANDSCAPE_POSTGRES_URL"))
    clocks = clock.compare("postgres", server.clock, before, after)
    return [*found, await _schema(connection), clocks]


def version(major: int, where: str) -> Finding:
    """Of a server, by its major version."""
    if major < OLDEST:
        return wrong("postgres", f"version {major} at {where}", f"use {OLDEST} or later; {TESTED} is tested")
    if major < TIMES_OUT:
        detail = f"version {major} at {where}; a worker that hangs while it records blocks others for as long as it hangs"
        return note("postgres", detail, f"use {TIMES_OUT} or later")
    if major != TESTED:
        return note("postgres", f"version {major} at {where}; {TESTED} is what the tests run on")
    return ok("postgres", f"version {major} at {where}")


async def _schema(connection: Connection) -> Finding:
    try:
        await require_schema(connection)
    except SchemaError as error:
        return wrong("schema", one_line(error), "`landscape migrate` applies what is missing")
    return ok("schema", "as this code wants it")
