"""Forward-only migrations: numbered .sql files, one transaction, an advisory lock, a checksum per file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from shared.errors import SchemaError
from shared.store.pool import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
#: Any fixed number; two migrators of one database exclude each other with it.
LOCK = 7_152_026

_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.sql).hexdigest()


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """All files, in order."""
    return [Migration(path.name, path.read_bytes()) for path in sorted(folder.glob("[0-9]*.sql"))]


def migrate(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing and return its names. Raises SchemaError when an applied file was edited.

    Killed at any point, it leaves the old schema; the next one waits for the lock and goes on.
    """
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(_TABLE)
        applied: dict[str, str] = dict(
            connection.execute("SELECT name, checksum FROM schema_migrations").fetchall()
        )
        missing = _missing(applied, migrations(folder))
        for migration in missing:
            connection.execute(migration.sql)
            connection.execute(
                "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)",
                (migration.name, migration.checksum),
            )
        return [migration.name for migration in missing]


async def require_schema(connection: Connection) -> None:
    """Raise SchemaError unless exactly this code's migrations, or newer ones too, are applied."""
    try:
        cursor = await connection.execute("SELECT name, checksum FROM schema_migrations")
    except psycopg.errors.UndefinedTable:
        raise SchemaError("the database is empty; run `landscape migrate`") from None
    if missing := _missing({str(n): str(c) for n, c in await cursor.fetchall()}, migrations()):
        raise SchemaError(f"the schema lacks {missing[0].name}; run `landscape migrate`")


def _missing(applied: dict[str, str], known: list[Migration]) -> list[Migration]:
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise SchemaError(
                f"{migration.name} was edited after it was applied; add a new migration instead"
            )
    return [migration for migration in known if migration.name not in applied]
