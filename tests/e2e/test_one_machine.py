"""`landscape up`: the whole system with its real processes, and every way it can end."""

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
import pytest

from services.gateway.standalone.process import is_alive
from services.gateway.standalone.runfile import read_running
from shared.domain.phases import SERVICES
from shared.testing.eventually import wait_until

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60.0
#: Nothing may be left this long after any kind of stop.
GONE_SECONDS = 15.0


def answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def processes_of(data_dir: Path) -> list[int]:
    """Everything that names the directory on its command line or in its environment, except zombies."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(data_dir).encode() in text and is_alive(int(process.name)):
            found.append(int(process.name))
    return found


class Up:
    """`landscape up` in a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "services.gateway.cli",
                "up",
                "--data-dir",
                data_dir,
                "--port",
                "0",
                "--latency-ms",
                "1",
            ],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("LANDSCAPE_")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        wait_until(lambda: self.is_up() or self.process.poll() is not None, READY_SECONDS)
        if self.process.poll() is not None:
            pytest.fail(f"up ended with {self.process.returncode}: {self.output()}")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.output()
        wait_until(lambda: not processes_of(self.data_dir), READY_SECONDS)

    def is_up(self) -> bool:
        path = self.data_dir / "run.json"
        return path.exists() and self.run()["processes"]["supervisor"] == self.process.pid

    def run(self) -> Any:
        return json.loads((self.data_dir / "run.json").read_text())

    def is_ready(self) -> bool:
        run = self.run()
        workers = [url.replace("/metrics", "/readyz") for url in run["metrics_urls"].values()]
        return all(map(answers, [f"{run['gateway_url']}/readyz", *workers]))

    def output(self) -> str:
        """All it printed, once it has ended; empty when asked again."""
        stdout = self.process.stdout
        assert stdout is not None
        return "" if stdout.closed else self.process.communicate(timeout=READY_SECONDS)[0]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def test_run_file_is_private_and_names_the_working_processes(up: Up) -> None:
    """Whoever kills a pid of it kills the process that does the work, not a guard or a launcher."""
    run = up.run()
    assert stat.S_IMODE((up.data_dir / "run.json").stat().st_mode) == 0o600
    assert set(run["processes"]) == {"supervisor", "postgres", "redis", "simulator", "gateway", *SERVICES}
    command = {name: Path(f"/proc/{pid}/cmdline").read_text() for name, pid in run["processes"].items()}
    assert "services.serp.worker:broker" in command["serp"]
    assert "services.media.worker:broker" in command["media"]
    assert "services.simulator" in command["simulator"]
    assert "gateway" in command["gateway"]
    assert "valkey-server" in command["redis"] or "redis-server" in command["redis"]
    assert "/postgres\0-D\0" in command["postgres"]
    assert not any("guard.py" in text for text in command.values())


def test_everything_in_the_run_file_answers(up: Up) -> None:
    """It is written when the system is up, not before."""
    run = up.run()
    wait_until(up.is_ready, READY_SECONDS)
    assert all(map(answers, run["metrics_urls"].values()))
    assert answers(f"{run['simulator_url']}/_control/ledger")
    with psycopg.connect(run["postgres_url"]) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM schema_migrations").fetchone() == (True,)


def test_readers_find_the_running_system(up: Up) -> None:
    """The other commands use it instead of starting stores of their own."""
    found = read_running(up.data_dir)
    assert found is not None
    assert found.gateway_url == up.run()["gateway_url"]


def test_worker_sees_no_credentials_but_its_own(up: Up) -> None:
    """A service that is broken into gives away one provider's key."""
    pid = up.run()["processes"]["serp"]
    names = {entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0")}
    assert "LANDSCAPE_PROVIDERS__SERP__API_KEY" in names
    assert not any("MEDIA" in name for name in names)
    assert "LANDSCAPE_TOKEN" not in names


def test_no_secret_is_on_a_command_line(up: Up) -> None:
    """Every user of the machine can read those."""
    run = up.run()
    secrets = [run["token"], urlsplit(run["postgres_url"]).password, urlsplit(run["redis_url"]).password]
    commands = " ".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in processes_of(up.data_dir))
    assert all(secrets)
    assert not any(secret in commands for secret in secrets)


def test_second_up_on_the_directory_is_refused(up: Up) -> None:
    """Two systems on one directory would ruin it; the message says whom to stop."""
    second = subprocess.run(
        [sys.executable, "-m", "services.gateway.cli", "up", "--data-dir", up.data_dir, "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert second.returncode == 2
    assert f"error: {up.data_dir} is in use by process {up.process.pid}" in second.stderr
    assert up.is_ready()


def test_busy_port_is_refused_before_anything_starts(up: Up, tmp_path: Path) -> None:
    """The message names the flag to change."""
    port = urlsplit(up.run()["gateway_url"]).port
    second = subprocess.run(
        [
            sys.executable,
            "-m",
            "services.gateway.cli",
            "up",
            "--data-dir",
            tmp_path / "other",
            "--port",
            str(port),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert second.returncode == 2
    assert f"port {port} is in use; pass another --port" in second.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["redis", "postgres", "serp", "gateway", "simulator"])
def test_killed_process_comes_back_and_leaves_no_orphan(up: Up, name: str) -> None:
    """The run file names the new process, and the system is ready again, unattended."""
    before = up.run()["processes"]
    old = set(processes_of(up.data_dir))
    children = {pid for pid in old if parent_of(pid) == before[name]}
    os.kill(before[name], signal.SIGKILL)
    wait_until(lambda: up.run()["processes"][name] != before[name], READY_SECONDS)
    assert not any(map(is_alive, {before[name], *children}))
    wait_until(up.is_ready, READY_SECONDS)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_interrupt_stops_everything_and_says_so(tmp_path: Path) -> None:
    """Ctrl-C is the normal end: exit code 130, no run file, no process, and no token in what was printed."""
    with Up(tmp_path / "data") as up:
        token = up.run()["token"]
        up.process.send_signal(signal.SIGINT)
        printed = up.output()
        assert up.process.returncode == 130
        assert not processes_of(up.data_dir)
        assert not (up.data_dir / "run.json").exists()
    assert token not in printed
    assert "simulator stands in" in printed
    assert "PostgreSQL" in printed


def test_killed_supervisor_leaves_nothing_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """Its stale run file is replaced, and the data and the token are still there."""
    data_dir = tmp_path / "data"
    with Up(data_dir) as up:
        first = up.run()
        with psycopg.connect(first["postgres_url"], autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (n integer)")
        up.process.kill()
        wait_until(lambda: not processes_of(data_dir), GONE_SECONDS)
        assert read_running(data_dir) is None
        up.output()
    with Up(data_dir) as up:
        second = up.run()
        assert second["token"] == first["token"]
        with psycopg.connect(second["postgres_url"]) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        up.process.terminate()
        up.output()
        assert up.process.returncode == 0
