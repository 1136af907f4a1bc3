"""Whether the stores answer, within a budget: a store that hangs must not hang the question."""

import asyncio
from typing import Final

from services.gateway.dependencies import Gateway
from services.gateway.monitoring.verdict import NOT_CHECKED, OK
from shared.errors import SchemaError
from shared.store.health import Health, read_health, require_space
from shared.store.migrate import require_schema
from shared.store.pool import Full, Unavailable

FULL: Final = (
    "the database's disk is full, nothing can be recorded: free some of it, and work goes on by itself"
)
NOTHING: Final = Health([], [], [], [], [])


def _away(seconds: float) -> str:
    return f"the database does not answer within {seconds:g} s"


async def check_schema(gateway: Gateway, budget_seconds: float) -> dict[str, str]:
    """`postgres` and `schema`, each ok or why not."""
    try:
        async with asyncio.timeout(budget_seconds), gateway.connection() as conn:
            await require_schema(conn)
    except SchemaError as error:
        return {"postgres": OK, "schema": str(error)}
    except (Unavailable, TimeoutError):
        return {"postgres": _away(budget_seconds), "schema": "unknown"}
    return {"postgres": OK, "schema": OK}


async def check_record(gateway: Gateway, budget_seconds: float) -> tuple[str, Health]:
    """The state of the database, and what the record says."""
    try:
        async with asyncio.timeout(budget_seconds), gateway.connection() as conn:
            record = await read_health(conn)
            try:
                await require_space(conn)
            except Full:
                return FULL, record
            return OK, record
    except SchemaError as error:
        return str(error), NOTHING
    except Full:
        return FULL, NOTHING
    except (Unavailable, TimeoutError):
        return _away(budget_seconds), NOTHING


async def check_redis(gateway: Gateway, budget_seconds: float) -> str:
    """ok, or why not."""
    if gateway.ping_redis is None:
        return NOT_CHECKED
    try:
        async with asyncio.timeout(budget_seconds):
            return await gateway.ping_redis() or OK
    except TimeoutError:
        return f"Redis does not answer within {budget_seconds:g} s"
