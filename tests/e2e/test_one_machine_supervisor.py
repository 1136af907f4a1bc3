"""The supervisor: order, restarts, and an end that leaves nothing, tried on small stand-ins."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.gateway.standalone.datadir import DataDir
from services.gateway.standalone.process import Spec, StartError, is_alive
from services.gateway.standalone.supervisor import Interrupted, Supervisor
from shared.errors import ConfigError
from shared.testing.eventually import wait_until

DEADLINE_SECONDS = 20.0
#: Nothing may be left this long after any kind of stop.
GONE_SECONDS = 15.0

#: Writes "name started" and, when asked to stop, "name stopped" to a file all of them share.
STAND_IN = """
import os, signal, sys, time
journal, name, stop_seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
def write(text):
    with open(journal, "a") as file:
        file.write(f"{name} {text}\\n")
def on_term(number, frame):
    time.sleep(stop_seconds)
    write("stopped")
    os._exit(0)
signal.signal(signal.SIGTERM, on_term)
write("started")
while True:
    time.sleep(0.05)
"""
#: A supervisor of its own process, to be killed: stand-ins "low" and "high" in two tiers, and the directory's lock.
DRIVER = """
import sys, time
from pathlib import Path
from services.gateway.standalone.datadir import DataDir
from services.gateway.standalone.supervisor import Supervisor
from tests.e2e.test_one_machine_supervisor import stand_in
home = Path(sys.argv[1])
directory = DataDir(home)
directory.create()
supervisor = Supervisor(2, (directory.acquire(),))
supervisor.launch(0, stand_in(home, "low"))
supervisor.launch(1, stand_in(home, "high"))
supervisor.wait_ready()
supervisor.watch()
print(*(process.pid for process in supervisor.processes), flush=True)
time.sleep(600)
"""


def journal(home: Path) -> list[str]:
    path = home / "journal"
    return path.read_text().splitlines() if path.exists() else []


def stand_in(home: Path, name: str, *, stop_seconds: float = 0.0, grace_seconds: float = 5.0) -> Spec:
    return Spec(
        name=name,
        argv=[sys.executable, "-c", STAND_IN, str(home / "journal"), name, str(stop_seconds)],
        environment=os.environ,
        log=home / f"{name}.log",
        ready=lambda: f"{name} started" in journal(home),
        grace_seconds=grace_seconds,
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    one = Supervisor(2, say=said.append)
    yield one
    one.request_stop()
    one.stop()


def test_stops_in_the_opposite_order_of_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    """A worker records its last calls in a database that is still there."""
    supervisor.launch(0, stand_in(tmp_path, "store"))
    supervisor.wait_ready()
    supervisor.launch(1, stand_in(tmp_path, "worker", stop_seconds=0.3))
    supervisor.launch(1, stand_in(tmp_path, "gateway", stop_seconds=0.3))
    supervisor.wait_ready()
    pids = [process.pid for process in supervisor.processes]
    supervisor.stop()
    assert journal(tmp_path)[-3:] == ["gateway stopped", "worker stopped", "store stopped"]
    assert not any(map(is_alive, pids))


def test_dead_process_is_started_again_and_announced(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    """The new pid is the one a reader of run.json needs."""
    supervisor.launch(0, stand_in(tmp_path, "one"))
    supervisor.wait_ready()
    supervisor.watch()
    (process,) = supervisor.processes
    first = process.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: process.pid != first)
    wait_until(lambda: journal(tmp_path) == ["one started"] * 2)
    assert said == ["one ended with exit code 137; starting it again in 0.1 s"]


def test_process_that_keeps_dying_is_started_less_and_less_often(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    """A broken program must not keep the machine busy."""
    supervisor.launch(
        0, Spec("broken", [sys.executable, "-c", "raise SystemExit(9)"], os.environ, tmp_path / "log")
    )
    supervisor.watch()
    wait_until(lambda: len(said) >= 3)
    assert [line.rpartition(" in ")[2] for line in said[:3]] == ["0.1 s", "0.2 s", "0.4 s"]
    assert "exit code 9" in said[0]


def test_killed_guard_is_replaced_after_its_child_has_gone(supervisor: Supervisor, tmp_path: Path) -> None:
    """Two servers on one directory would ruin it."""
    supervisor.launch(0, stand_in(tmp_path, "one", stop_seconds=0.5))
    supervisor.wait_ready()
    supervisor.watch()
    (process,) = supervisor.processes
    os.kill(process.guard_pid, signal.SIGKILL)
    wait_until(lambda: len(journal(tmp_path)) == 3)
    assert journal(tmp_path) == ["one started", "one stopped", "one started"]


def test_process_that_dies_while_starting_is_an_error_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """Waiting for it any longer would be useless."""
    code = "print('the port is taken'); raise SystemExit(3)"
    supervisor.launch(
        0, Spec("one", [sys.executable, "-c", code], os.environ, tmp_path / "log", ready=lambda: False)
    )
    with pytest.raises(StartError, match="one ended with exit code 3 while starting: the port is taken"):
        supervisor.wait_ready()


def test_process_that_is_never_ready_is_an_error(supervisor: Supervisor, tmp_path: Path) -> None:
    """A start ends, one way or the other."""
    never = Spec(
        "one",
        [sys.executable, "-c", "input()"],
        os.environ,
        tmp_path / "log",
        ready=lambda: False,
        ready_seconds=0.2,
    )
    supervisor.launch(0, never)
    with pytest.raises(StartError, match=r"one (was not ready after|ended with)"):
        supervisor.wait_ready()


def test_start_gives_up_when_asked_to_stop(supervisor: Supervisor, tmp_path: Path) -> None:
    """Ctrl-C during a slow start need not wait for it."""
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    supervisor.launch(0, Spec("one", argv, os.environ, tmp_path / "log", ready=lambda: False))
    supervisor.request_stop()
    with pytest.raises(Interrupted):
        supervisor.wait_ready()


def test_second_request_does_not_wait_for_graceful_ends(supervisor: Supervisor, tmp_path: Path) -> None:
    """Except for the store, which would have to recover."""
    supervisor.launch(0, stand_in(tmp_path, "store"))
    supervisor.launch(1, stand_in(tmp_path, "worker", stop_seconds=600, grace_seconds=600))
    supervisor.wait_ready()
    supervisor.request_stop()
    supervisor.request_stop()
    supervisor.stop()
    assert journal(tmp_path)[-1] == "store stopped"
    assert "worker stopped" not in journal(tmp_path)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    yield process, pids
    process.kill()
    process.__exit__(None, None, None)
    wait_until(lambda: not any(map(is_alive, pids)))


def test_killed_supervisor_leaves_nothing_and_the_lock_says_so(
    driver: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    """Who needs others stops before them, even though nobody is left to ask."""
    process, pids = driver
    process.kill()
    wait_until(lambda: not any(map(is_alive, pids)), GONE_SECONDS)
    assert journal(tmp_path)[-2:] == ["high stopped", "low stopped"]
    os.close(DataDir(tmp_path).acquire())


def test_second_supervisor_on_a_directory_is_refused_by_pid(
    driver: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    """Redis does not lock its directory itself."""
    process, _ = driver
    with pytest.raises(
        ConfigError, match=f"in use by process {process.pid}; stop it, or pass another --data-dir"
    ):
        DataDir(tmp_path).acquire()
    assert DataDir(tmp_path).is_in_use()


def test_next_supervisor_waits_for_the_remains_of_a_killed_one(
    driver: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    """It must not start its servers beside the old ones."""
    process, pids = driver
    process.kill()
    process.wait()
    os.close(DataDir(tmp_path).acquire())
    assert not any(map(is_alive, pids))
