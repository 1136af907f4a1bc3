"""The guard: nothing of a child outlives the supervisor, the guard, or the child itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.gateway.standalone.process import GUARD, is_alive
from shared.testing.eventually import wait_until

DEADLINE_SECONDS = 20.0

#: Like Dramatiq: a main process with a forked child of its own that goes on when the main process is killed.
FORKING = """
import os, pathlib, signal, sys, time
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if {new_session}:
        os.setsid()
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    time.sleep(0.05)
"""
#: Says in a file when it has received SIGTERM, and ends only if told to.
STUBBORN = """
import pathlib, signal, sys, time
def on_term(number, frame):
    pathlib.Path(sys.argv[1]).write_text("asked")
    if {polite}:
        sys.exit(7)
signal.signal(signal.SIGTERM, on_term)
pathlib.Path(sys.argv[2]).write_text("running")
while True:
    time.sleep(0.05)
"""


class Guarded:
    """A guard whose stdin and stdout the test holds, as the supervisor does."""

    def __init__(self, *command: str, grace_seconds: float = 10.0) -> None:
        self.guard = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, str(int(signal.SIGTERM)), str(grace_seconds), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.guard.stdout is not None
        self.child = int(self.guard.stdout.readline())

    def close_lifeline(self) -> None:
        assert self.guard.stdin is not None
        self.guard.stdin.close()

    def end(self) -> int:
        return self.guard.wait(DEADLINE_SECONDS)

    def clean_up(self) -> None:
        if self.guard.poll() is None:
            os.killpg(self.child, signal.SIGKILL)
        self.guard.__exit__(None, None, None)


@pytest.fixture
def guarded() -> Iterator[Callable[..., Guarded]]:
    made: list[Guarded] = []

    def make(*command: str, grace_seconds: float = 10.0) -> Guarded:
        made.append(Guarded(*command, grace_seconds=grace_seconds))
        return made[-1]

    yield make
    for one in made:
        one.clean_up()


def stubborn(tmp_path: Path, *, polite: bool) -> list[str]:
    """A command that is known to have its handler once `running` exists."""
    code = STUBBORN.format(polite=polite)
    return [sys.executable, "-c", code, str(tmp_path / "asked"), str(tmp_path / "running")]


@pytest.mark.parametrize("new_session", [False, True])
def test_killed_child_leaves_no_orphan(
    guarded: Callable[..., Guarded], tmp_path: Path, *, new_session: bool
) -> None:
    """SIGKILL of Dramatiq's main process must not leave its worker consuming, not even in a session of its own."""
    seen = tmp_path / "orphan"
    one = guarded(sys.executable, "-c", FORKING.format(new_session=new_session), str(seen))
    wait_until(lambda: seen.exists() and seen.read_text() != "")
    orphan = int(seen.read_text())
    assert is_alive(orphan)
    os.kill(one.child, signal.SIGKILL)
    assert one.end() == 128 + signal.SIGKILL
    assert not is_alive(orphan)


def test_exit_code_is_the_childs(guarded: Callable[..., Guarded]) -> None:
    """The supervisor's message about a dead child would be wrong otherwise."""
    assert guarded(sys.executable, "-c", "raise SystemExit(42)").end() == 42


def test_command_that_does_not_exist_ends_with_127(guarded: Callable[..., Guarded]) -> None:
    """As a shell says it."""
    assert guarded("/no/such/program").end() == 127


def test_end_of_the_lifeline_asks_the_child_to_stop(guarded: Callable[..., Guarded], tmp_path: Path) -> None:
    """A supervisor that was killed cannot ask any more."""
    one = guarded(*stubborn(tmp_path, polite=True))
    wait_until((tmp_path / "running").exists)
    one.close_lifeline()
    assert one.end() == 7
    assert (tmp_path / "asked").exists()


def test_child_that_does_not_stop_is_killed_after_its_grace(
    guarded: Callable[..., Guarded], tmp_path: Path
) -> None:
    """It is asked first."""
    one = guarded(*stubborn(tmp_path, polite=False), grace_seconds=0.5)
    wait_until((tmp_path / "running").exists)
    one.close_lifeline()
    assert one.end() == 128 + signal.SIGKILL
    assert (tmp_path / "asked").exists()


def test_hurried_stop_kills_at_once(guarded: Callable[..., Guarded], tmp_path: Path) -> None:
    """A second Ctrl-C does not wait for the grace period."""
    one = guarded(*stubborn(tmp_path, polite=False), grace_seconds=60.0)
    wait_until((tmp_path / "running").exists)
    one.guard.send_signal(signal.SIGTERM)
    wait_until((tmp_path / "asked").exists)
    one.guard.send_signal(signal.SIGQUIT)
    assert one.end() == 128 + signal.SIGKILL


def test_death_of_the_guard_stops_the_child(guarded: Callable[..., Guarded], tmp_path: Path) -> None:
    """With the guard gone nobody else would."""
    one = guarded(*stubborn(tmp_path, polite=True))
    wait_until((tmp_path / "running").exists)
    one.guard.kill()
    wait_until(lambda: not is_alive(one.child))
    assert (tmp_path / "asked").exists()
