"""What the record holds, to be compared before and after."""

from typing import Any, Final

from shared.store.pool import Connection

#: What changes without anything having been done to what is worked on: who asked, who is there, which schema this is.
_LEFT_OUT: Final = {
    "schema_migrations", "api_keys", "audit_log", "idempotency_keys", "flights", "event_feed", "events", "webhooks",
    "webhook_deliveries",
}  # fmt: skip
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_OF_PIPELINES: Final = """
    SELECT c.table_name FROM information_schema.columns c JOIN pg_tables t ON t.tablename = c.table_name
    WHERE c.table_schema = 'public' AND c.column_name = 'pipeline_id' ORDER BY 1
"""


async def dump(conn: Connection) -> dict[str, list[str]]:
    """Every row of every table but a few, as sorted text."""
    tables = {}
    for table in await fetch(conn, _TABLES):
        if table in _LEFT_OUT:
            continue
        cursor = await conn.execute(f"SELECT t::text FROM {table} t ORDER BY 1".encode())  # noqa: S608 - of the catalogue
        tables[table] = [str(row[0]) for row in await cursor.fetchall()]
    return tables


async def fetch(conn: Connection, query: str, *parameters: Any) -> list[Any]:
    """The rows of a query; of one column, its values."""
    cursor = await conn.execute(query, parameters or None)
    rows = await cursor.fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]


async def tables_of_pipelines(conn: Connection) -> set[str]:
    """Every table whose rows name a pipeline."""
    return set(await fetch(conn, _OF_PIPELINES))
