"""`landscape doctor` without calls: each check sees what is wrong, says what to do, and shows no secret."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis as redis_client

from services.gateway.cli import exits
from services.gateway.doctor import clock, machine, packages, ports, postgres, providers, redis
from services.gateway.doctor.finding import Finding, Verdict
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from services.gateway.standalone.redis import Redis
from services.gateway.standalone.runfile import RunFile
from shared import config
from shared.config import Exposition, Gateway, Settings

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in findings}


def doctor(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.gateway.cli", "doctor", *words],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def keys(*services: str, **settings: str) -> Settings:
    """Settings in which these services have a key."""
    variables = {f"LANDSCAPE_PROVIDERS__{s.upper()}__API_KEY": f"key-of-{s}" for s in services}
    return config.load(
        variables | {f"LANDSCAPE_PROVIDERS__{name}": value for name, value in settings.items()}
    )


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def own_redis(folder: Path) -> Iterator[str]:
    """A server nobody else uses, as `landscape up` runs it; its address."""
    server = Redis(folder)
    spec = server.prepare(folder / "log", os.environ)
    with subprocess.Popen(spec.argv, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not spec.ready():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield server.url
        finally:
            process.terminate()


def test_data_directory_that_can_be_made_is_not_made(tmp_path: Path) -> None:
    """Looking leaves nothing behind."""
    assert machine.data_directory(tmp_path / "a" / "b").verdict is Verdict.OK
    assert machine.disk(tmp_path / "a" / "b").verdict is not Verdict.FIX
    assert list(tmp_path.iterdir()) == []


def test_data_directory_that_is_a_file_is_to_be_fixed(tmp_path: Path) -> None:
    """Nothing can be written below it."""
    (tmp_path / "data").touch()

    assert machine.data_directory(tmp_path / "data").fix == "make it writable, or pass another --data-dir"


def test_libraries_are_those_of_the_lock() -> None:
    """The environment these tests run in was made from it."""
    assert packages.packages(ROOT / "requirements.lock").verdict is Verdict.OK


def test_library_that_is_not_the_locked_one_is_named(tmp_path: Path) -> None:
    """Unless a marker may have left it out."""
    lock = tmp_path / "requirements.lock"
    lock.write_text("msgspec==0.1 \\\nnot-here==1 ; sys_platform == 'win32' \\\nnor-here==2 \\\n")
    found = packages.packages(lock)

    assert found.verdict is Verdict.FIX
    assert "msgspec is " in found.detail
    assert "nor-here is missing, not 2" in found.detail
    assert "not-here" not in found.detail


def test_without_a_lock_the_versions_are_shown(tmp_path: Path) -> None:
    """In an image, and where wheels were installed."""
    found = packages.packages(tmp_path / "requirements.lock")

    assert found.verdict is Verdict.OK
    assert "dramatiq 2" in found.detail


def test_taken_port_of_the_gateway_is_to_be_fixed_unless_it_is_ours() -> None:
    """A worker's is worth a note: `landscape up` takes any free one."""
    with silent_server() as port:
        settings = Settings(gateway=Gateway(port=port), exposition=Exposition(port=port))
        running = RunFile(f"http://127.0.0.1:{port}", "t", "", "", None, {}, {})

        assert ports.gateway_port(settings, None).verdict is Verdict.FIX
        assert ports.gateway_port(settings, running).verdict is Verdict.OK
        assert ports.worker_port(settings).verdict is Verdict.NOTE
    assert ports.gateway_port(settings, None).verdict is Verdict.OK
    assert ports.worker_port(settings).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("theirs", "verdict"),
    [
        (100.0, Verdict.OK),
        (104.9, Verdict.OK),
        (106.0, Verdict.OK),  # the question took 4 s: they may have looked at its end
        (107.1, Verdict.FIX),
        (80.0, Verdict.FIX),
    ],
)
def test_clock_is_compared_with_the_middle_of_the_question(theirs: float, verdict: Verdict) -> None:
    """What the question took is given to the doubt."""
    assert clock.compare("x", theirs, 98.0, 102.0).verdict is verdict


@pytest.mark.parametrize(
    ("date", "seconds"),
    [("Thu, 01 Jan 1970 00:01:40 GMT", 100.0), ("Thu, 01 Jan 1970 00:01:40", 100.0), ("yesterday", None)],
)
def test_date_header_is_read_as_utc(date: str, seconds: float | None) -> None:
    """And what is none is no clock."""
    assert clock.read(date) == seconds


async def test_good_postgres_has_version_schema_and_clock(postgres_url: str) -> None:
    """Three lines, all well."""
    assert verdicts(await postgres.check(postgres_url)) == dict.fromkeys(
        ("postgres", "schema", "clock of postgres"), Verdict.OK
    )


@pytest.mark.parametrize(
    ("major", "verdict", "said"),
    [
        (14, Verdict.FIX, "15 or later"),
        (15, Verdict.NOTE, "17 or later"),
        (16, Verdict.NOTE, "17 or later"),
        (17, Verdict.NOTE, "tests run on"),
        (18, Verdict.OK, "version 18"),
    ],
)
def test_an_older_postgres_is_used_knowing_what_it_lacks(major: int, verdict: Verdict, said: str) -> None:
    """Before 17, what a hanging worker holds stays held."""
    found = postgres.version(major, "db")
    assert found.verdict is verdict
    assert said in f"{found.detail} {found.fix}"


async def test_postgres_without_this_schema_needs_migrate(postgres_url: str) -> None:
    """As a new database is, and one of an older version."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    found = {finding.check: finding for finding in await postgres.check(postgres_url)}

    assert found["schema"].verdict is Verdict.FIX
    assert "landscape migrate" in found["schema"].fix


@pytest.mark.parametrize(
    "url", ["postgresql://a:b@127.0.0.1:9/x", "postgres.example", "postgresql://[x", "redis://x"]
)
async def test_postgres_that_is_not_there_is_to_be_fixed(url: str) -> None:
    """Nobody listens, or the address is none."""
    assert verdicts(await postgres.check(url)) == {"postgres": Verdict.FIX}


async def test_refused_password_is_not_repeated(postgres_url: str) -> None:
    """The server says whom it refused, and that is enough."""
    (found,) = await postgres.check(postgres_url.replace(":", ":wrong-", 2).replace(":wrong-//", "://"))

    assert found.verdict is Verdict.FIX
    assert "wrong-" not in found.detail


async def test_store_that_hangs_does_not_hang_the_diagnosis() -> None:
    """Each has its budget."""
    with silent_server() as port:
        found = await postgres.check(f"postgresql://a:b@127.0.0.1:{port}/x", 0.2)
        found += await redis.check(f"redis://:a@127.0.0.1:{port}/0", 0.2)

    assert [(one.check, one.verdict, "within 0.2 s" in one.detail) for one in found] == [
        ("postgres", Verdict.FIX, True),
        ("redis", Verdict.FIX, True),
    ]


async def test_redis_of_our_own_is_well(tmp_path: Path) -> None:
    """As `landscape up` configures it."""
    with own_redis(tmp_path) as url:
        assert verdicts(await redis.check(url)) == dict.fromkeys(
            ("redis", "redis eviction", "redis persistence", "clock of redis"), Verdict.OK
        )


async def test_redis_that_would_throw_messages_away_is_to_be_fixed(tmp_path: Path) -> None:
    """And one that forgets at a restart is worth a note."""
    with own_redis(tmp_path) as url:
        with redis_client.Redis.from_url(url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("appendonly", "no")
        found = verdicts(await redis.check(url))

    assert found["redis eviction"] is Verdict.FIX
    assert found["redis persistence"] is Verdict.NOTE


@pytest.mark.parametrize("url", ["redis://:a@127.0.0.1:9/0", "redis.example", "redis://", "postgresql://x"])
async def test_redis_that_is_not_there_is_to_be_fixed(url: str) -> None:
    """Nobody listens, or the address is none."""
    assert verdicts(await redis.check(url)) == {"redis": Verdict.FIX}


def test_without_any_key_the_simulator_stands_in() -> None:
    """One line for all."""
    assert verdicts(list(providers.credentials(Settings()))) == {"providers": Verdict.NOTE}


def test_phase_without_a_key_is_off() -> None:
    """Its variable is named."""
    found = {one.check: one for one in providers.credentials(keys("serp"))}

    assert found.pop("scale_serp").verdict is Verdict.OK
    assert {one.verdict for one in found.values()} == {Verdict.NOTE}
    assert found["cognism"].detail == "has no key: company_enrichment is off"
    assert found["cognism"].fix == "set LANDSCAPE_PROVIDERS__ENRICHMENT__API_KEY"


def test_search_results_cannot_be_left_out() -> None:
    """Every pipeline begins with them."""
    assert verdicts(list(providers.credentials(keys("media"))))["scale_serp"] is Verdict.FIX


def test_part_of_the_credentials_is_to_be_completed() -> None:
    """All that is missing is named."""
    settings = keys("serp", KEYWORDS__CLIENT_ID="a", KEYWORDS__REFRESH_TOKEN="b")
    found = next(one for one in providers.credentials(settings) if one.check == "google_ads")

    assert found.verdict is Verdict.FIX
    assert found.fix == (
        "set LANDSCAPE_PROVIDERS__KEYWORDS__CLIENT_SECRET and LANDSCAPE_PROVIDERS__KEYWORDS__CUSTOMER_ID"
    )


def test_command_has_a_line_per_check_and_a_summary(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    """All well: exit code 0, and nothing is made in the data directory's place."""
    done = doctor(
        "--data-dir", str(tmp_path / "data"),
        LANDSCAPE_POSTGRES_URL=postgres_url,
        LANDSCAPE_REDIS_URL=redis_url,
        LANDSCAPE_GATEWAY__PORT="0",
        LANDSCAPE_PROVIDERS__SERP__API_KEY="s3cret-of-serp",
    )  # fmt: skip
    lines = done.stdout.splitlines()

    assert (done.returncode, done.stderr) == (0, "")
    assert lines[-1] == "nothing to fix"
    assert {line[2:6].strip() for line in lines[:-1]} == {"ok", "note"}
    assert "s3cret" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_running_system_is_looked_at_where_it_runs(tmp_path: Path) -> None:
    """Its stores are those of its data directory, and nothing of run.json that is secret is shown."""
    with Standalone(tmp_path, simulator=SimulatorOptions(latency_ms=0), services=["serp"]) as system:
        done = doctor("--data-dir", str(tmp_path))
        run = system.run_file

    assert done.returncode == 0, done.stdout
    assert f"{urlsplit(run.gateway_url).port} is taken by the running system" in done.stdout
    assert f"  ok   postgres: version 18 at 127.0.0.1:{urlsplit(run.postgres_url).port}" in done.stdout
    assert "  ok   redis eviction: " in done.stdout
    for secret in (run.token, urlsplit(run.postgres_url).password, urlsplit(run.redis_url).password):
        assert secret
        assert secret not in done.stdout


def test_command_ends_with_1_when_there_is_something_to_fix(tmp_path: Path) -> None:
    """And the checks after a failed one are still made."""
    done = doctor(
        "--data-dir", str(tmp_path),
        LANDSCAPE_POSTGRES_URL="postgresql://a:p4ssword@127.0.0.1:9/x",
        LANDSCAPE_REDIS_URL="redis://:p4ssword@127.0.0.1:9/0",
    )  # fmt: skip

    assert done.returncode == exits.ERROR
    assert "  FIX  postgres: " in done.stdout
    assert "  FIX  redis: " in done.stdout
    assert "  note providers: " in done.stdout
    assert done.stdout.endswith("2 to fix, see FIX above\n")
    assert "p4ssword" not in done.stdout


def test_address_that_cannot_be_taken_apart_is_a_finding(tmp_path: Path) -> None:
    """No traceback, and no guess what in it may be the password."""
    done = doctor("--data-dir", str(tmp_path), LANDSCAPE_POSTGRES_URL="postgresql://a:p4ssword@[x")

    assert done.returncode == exits.ERROR
    assert "  FIX  postgres: its address is none; set LANDSCAPE_POSTGRES_URL" in done.stdout
    assert "p4ssword" not in done.stdout + done.stderr


def test_unknown_setting_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """What does not depend on settings is checked nevertheless."""
    done = doctor("--data-dir", str(tmp_path), LANDSCAPE_POSTGRES_URI="x")

    assert done.returncode == exits.ERROR
    assert "LANDSCAPE_POSTGRES_URI is not a setting; did you mean LANDSCAPE_POSTGRES_URL?" in done.stdout
    assert "  ok   disk: " in done.stdout


def test_findings_for_machines_are_one_object_a_line(tmp_path: Path) -> None:
    """With --json."""
    done = doctor("--json", "--data-dir", str(tmp_path))
    found = [json.loads(line) for line in done.stdout.splitlines()]

    assert {"python", "packages", "settings", "postgres", "redis"} <= {one["check"] for one in found}
    assert all(one["verdict"] in {"ok", "note", "FIX"} for one in found)
