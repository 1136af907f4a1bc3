"""What the record holds, to be compared before and after."""

from typing import Any

from shared.store.pool import Connection

TABLES = (
    "pipelines",
    "items",
    "pipeline_state",
    "ready",
    "waiting",
    "job_queue",
    "leases",
    "provider_calls",
    "provider_facts",
    "results",
    "rankings",
    "counters",
    "pipeline_actions",
    "pipeline_checkpoints",
    "error_categories",
    "error_bodies",
    "retry_history",
    "item_actions",
    "service_health_metrics",
    "queue_actions",
    "pipeline_audits",
    "workers",
    "provider_profiles",
)


async def dump(conn: Connection) -> dict[str, list[str]]:
    """Every row of every table, as sorted text."""
    tables = {}
    for table in TABLES:
        cursor = await conn.execute(f"SELECT t::text FROM {table} t ORDER BY 1")  # noqa: S608 - names of above
        tables[table] = [str(row[0]) for row in await cursor.fetchall()]
    return tables


async def fetch(conn: Connection, query: str, *parameters: Any) -> list[Any]:
    """The rows of a query; of one column, its values."""
    cursor = await conn.execute(query, parameters or None)
    rows = await cursor.fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]
