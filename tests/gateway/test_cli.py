"""The command line: lazy, strict, and with exit codes a script may rely on."""

import os
import subprocess
import sys
from pathlib import Path

import click
import psycopg
import pytest

from services.gateway.cli import exits, group
from services.gateway.cli.worker import arguments, environment
from shared import config
from shared.errors import ConfigError, InputError, LandscapeError, NotFoundError, Problem

ROOT = Path(__file__).parents[2]


class UnavailableError(LandscapeError):
    """Like any error a later command defines."""

    code = "unavailable"


def landscape(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.gateway.cli", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_imports_no_server_and_no_driver() -> None:
    """Help is there at once, and on a machine where half of the requirements are broken."""
    code = """
import sys
from services.gateway.cli import main
try:
    main(["--help"])
except SystemExit as end:
    heavy = {"litestar", "dramatiq", "psycopg", "redis", "uvicorn", "msgspec"} & set(sys.modules)
    print("heavy:", sorted(heavy), end.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.endswith("heavy: [] 0\n")
    assert "migrate" in done.stdout


@pytest.mark.parametrize("name", sorted(group.COMMANDS))
def test_every_command_of_the_table_exists(name: str) -> None:
    """A line of the table that names nothing would only fail when somebody needs it."""
    context = click.Context(group.group)
    command = group.group.get_command(context, name)
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("name", sorted(group.COMMANDS.keys() - {"simulate"}))
def test_unknown_flag_is_refused_and_nothing_starts(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt flag must never start a system with other settings than those asked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        group.main([name, "--bogus"])
    assert end.value.code == exits.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "--bogus" in captured.err
    assert not list(tmp_path.iterdir())


def test_misspelt_command_gets_a_suggestion() -> None:
    """The next step is in the message."""
    done = landscape("migrat")
    assert done.returncode == exits.USAGE
    assert "did you mean 'migrate'?" in done.stderr


def test_unknown_setting_is_one_line_without_traceback() -> None:
    """An operator reads the variable's name, not our stack."""
    done = landscape("migrate", LANDSCAPE_POSTGRES_URI="x")
    assert done.returncode == exits.USAGE
    assert (
        done.stderr
        == "error: LANDSCAPE_POSTGRES_URI is not a setting; did you mean LANDSCAPE_POSTGRES_URL?\n"
    )


def test_unreachable_database_is_unavailable() -> None:
    """A script can tell that trying again later makes sense."""
    done = landscape("migrate", LANDSCAPE_POSTGRES_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == exits.UNAVAILABLE
    assert done.stderr.startswith("error: a store does not answer")
    assert len(done.stderr.splitlines()) == 1


def test_migrate_of_a_migrated_database_prints_nothing(postgres_url: str) -> None:
    """Only what was applied is on stdout."""
    done = landscape("migrate", LANDSCAPE_POSTGRES_URL=postgres_url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_migrate_of_an_empty_database_prints_every_migration(postgres_url: str) -> None:
    """One name per line, in order."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    done = landscape("migrate", LANDSCAPE_POSTGRES_URL=postgres_url)
    names = [path.name for path in sorted((ROOT / "shared" / "store" / "migrations").glob("*.sql"))]
    assert done.returncode == 0
    assert done.stdout.splitlines() == names


def test_worker_of_an_unknown_service_is_refused() -> None:
    """The message names the service asked for."""
    done = landscape("worker", "nosuch")
    assert done.returncode == exits.USAGE
    assert "'nosuch'" in done.stderr


def test_worker_becomes_one_dramatiq_process_on_its_own_queue() -> None:
    """Dramatiq's defaults would take one process per CPU, every queue, and twice the prefetch."""
    runtime = config.Runtime(threads=7, drain_seconds=2.5)
    words = arguments("serp", runtime)
    assert words[:3] == ["-m", "dramatiq", "services.serp.worker:broker"]
    assert {"--processes=1", "--threads=7", "--worker-shutdown-timeout=6500", "--skip-logging"} <= set(words)
    assert words[-2:] == ["--queues", "serp"]
    assert environment(runtime) == {
        "dramatiq_queue_prefetch": "7",
        "dramatiq_worker_timeout": "250",
        "TZ": "UTC",
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LandscapeError("x"), exits.ERROR),
        (ConfigError("x"), exits.USAGE),
        (InputError(Problem("/a", "x")), exits.USAGE),
        (NotFoundError("x"), exits.NOT_FOUND),
        (UnavailableError("x"), exits.UNAVAILABLE),
        (psycopg.OperationalError("x"), exits.UNAVAILABLE),
        (click.Abort(), exits.INTERRUPTED),
        (KeyboardInterrupt(), exits.INTERRUPTED),
        (click.UsageError("x"), exits.USAGE),
        (RuntimeError("a bug"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_kind_of_error_has_its_exit_code(error: BaseException, code: int | None) -> None:
    """The numbers are an interface; a bug keeps its traceback."""
    assert exits.report(error) == code
