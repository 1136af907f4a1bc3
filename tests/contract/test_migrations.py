"""Migrations: forward only, each exactly once, whatever happens on the way."""

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from shared.errors import SchemaError
from shared.store.migrate import MIGRATIONS, migrate, migrations, require_schema
from shared.store.pool import build_pool

ROOT = Path(__file__).parents[2]
NAMES = [migration.name for migration in migrations()]
DEADLINE_SECONDS = 30.0


@pytest.fixture
def empty_url(postgres_url: str, postgres_admin: psycopg.Connection) -> str:
    """The test's own database, emptied: as on the first start of an installation."""
    name = urlsplit(postgres_url).path[1:]
    postgres_admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    postgres_admin.execute(f"CREATE DATABASE {name}".encode())
    return postgres_url


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {str(name) for (name,) in rows}


def write(folder: Path, **files: str) -> Path:
    """A folder with the real migrations and these after them."""
    shutil.copytree(MIGRATIONS, folder)
    for name, sql in files.items():
        (folder / f"9{name}.sql").write_text(sql)
    return folder


def test_files_are_numbered_and_said_what_they_do() -> None:
    """NNNN_noun.sql, no gaps, each opening with a comment."""
    for number, migration in enumerate(migrations(), 1):
        assert migration.name.startswith(f"{number:04}_")
        assert migration.sql.startswith(b"-- ")


def test_empty_database_gets_everything_once(empty_url: str) -> None:
    """The second run has nothing to do."""
    assert tables(empty_url) == set()

    assert migrate(empty_url) == NAMES
    assert migrate(empty_url) == []
    assert {"pipelines", "items", "provider_calls", "schema_migrations"} <= tables(empty_url)


def test_concurrent_migrators_apply_everything_once(empty_url: str) -> None:
    """Every process of a start may try: one works, the others wait and find nothing left."""
    with ThreadPoolExecutor(6) as threads:
        applied = list(threads.map(lambda _: migrate(empty_url), range(6)))

    assert sorted(applied) == [[]] * 5 + [NAMES]


def test_new_file_alone_is_applied(empty_url: str, tmp_path: Path) -> None:
    """An installation that is up to date gets what came with the next version."""
    migrate(empty_url)
    folder = write(tmp_path / "m", _add_table="CREATE TABLE added (id int)")

    assert migrate(empty_url, folder) == ["9_add_table.sql"]
    assert "added" in tables(empty_url)


@pytest.mark.anyio
async def test_edited_file_is_refused(empty_url: str, tmp_path: Path) -> None:
    """Nobody could tell any more which schema this is; not even the files after it are applied."""
    folder = write(tmp_path / "m", _add_table="CREATE TABLE added (id int)")
    first = folder / NAMES[0]
    first.write_bytes(first.read_bytes() + b"\n-- one more thought\n")
    migrate(empty_url)

    with pytest.raises(
        SchemaError, match=rf"{NAMES[0]} was edited after it was applied; add a new migration"
    ):
        migrate(empty_url, folder)
    assert "added" not in tables(empty_url)


def test_failing_file_leaves_the_schema_as_it_was(empty_url: str, tmp_path: Path) -> None:
    """All missing files are one transaction: either the whole new version or the whole old one."""
    folder = write(tmp_path / "m", a="CREATE TABLE added (id int)", b="CREATE TABLE added (id int)")

    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(empty_url, folder)

    assert tables(empty_url) == set()


def test_killed_migrator_leaves_the_schema_as_it_was(empty_url: str, tmp_path: Path) -> None:
    """SIGKILL in the middle: the next one waits for the server to notice, and goes on from the old schema."""
    folder = write(tmp_path / "m", _slow="CREATE TABLE slow (id int); SELECT pg_sleep(60)")
    code = "import sys; from pathlib import Path; from shared.store.migrate import migrate; migrate(sys.argv[1], Path(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-c", code, empty_url, str(folder)], cwd=ROOT) as migrator:
        try:
            backend = _wait_until_asleep(empty_url, migrator)
        finally:
            migrator.kill()
    with psycopg.connect(empty_url, autocommit=True) as connection:
        # A server looks for its client only now and then, and sleeps for a minute here.
        connection.execute("SELECT pg_terminate_backend(%s)", (backend,))

    assert migrate(empty_url) == NAMES
    assert "slow" not in tables(empty_url)


def _wait_until_asleep(url: str, migrator: "subprocess.Popen[bytes]") -> int:
    """The pid of the server process that is in the slow migration."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
            ).fetchone()
            if row:
                return int(row[0])
            assert migrator.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.anyio
async def test_service_waits_for_its_schema(empty_url: str, tmp_path: Path) -> None:
    """An empty or older database is told apart and says what to do; a newer one is fine."""
    pool = build_pool(empty_url, size=1)
    await pool.open()
    try:
        async with pool.connection() as connection:
            with pytest.raises(SchemaError, match="the database is empty; run `landscape migrate`"):
                await require_schema(connection)
            migrate(empty_url, write(tmp_path / "newer", _add_table="CREATE TABLE added (id int)"))
            await require_schema(connection)
            await connection.execute("DELETE FROM schema_migrations WHERE name = %s", (NAMES[-1],))
            with pytest.raises(SchemaError, match=rf"the schema lacks {NAMES[-1]}; run `landscape migrate`"):
                await require_schema(connection)
    finally:
        await pool.close()


def test_money_of_pipelines_that_had_no_budget_is_counted(empty_url: str, tmp_path: Path) -> None:
    """What was spent, what calls may still cost, and nothing; those that had one keep their count."""
    before = tmp_path / "before"
    shutil.copytree(MIGRATIONS, before)
    (counting,) = before.glob("*_every_pipeline_is_counted.sql")
    for later in before.iterdir():
        if later.name >= counting.name:
            later.unlink()
    migrate(empty_url, before)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(_BEFORE_COUNTING)
        migrate(empty_url)
        rows = connection.execute(
            "SELECT label, budget, committed FROM pipeline_budgets JOIN pipelines USING (pipeline_id) ORDER BY 1"
        ).fetchall()
    assert rows == [("idle", None, 0.0), ("limited", 9.0, 4.0), ("unlimited", None, 3.5)]


_BEFORE_COUNTING = """
    INSERT INTO pipelines (pipeline_id, label, config, config_hash, priority, give_up_after_seconds, item_caps)
    SELECT gen_random_uuid(), label, '{}', '', 0, 60, '{}' FROM unnest(ARRAY['idle', 'limited', 'unlimited']) AS l (label);
    INSERT INTO pipeline_budgets (pipeline_id, budget, committed)
    SELECT pipeline_id, 9, 4 FROM pipelines WHERE label = 'limited';
    INSERT INTO provider_calls (call_id, pipeline_id, job_id, provider, endpoint, subjects, state, outcome, money, committed_money)
    SELECT gen_random_uuid(), pipeline_id, 1, 'p', 'e', 1, c.state, 'ok', c.money, c.committed FROM pipelines,
        (VALUES ('settled', 1.0, 1.0), ('in_doubt', NULL, 2.5)) AS c (state, money, committed)
    WHERE label = 'unlimited';
"""
