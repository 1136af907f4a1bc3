"""One supervised process: what to run, and its life under a guard."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.gateway.standalone.services import ROOT
from shared.errors import LandscapeError

GUARD = Path(__file__).with_name("guard.py")

#: A guard that has not said its child's pid by then is stuck.
SPAWN_SECONDS = 15.0
#: After its grace period a child is killed; guard and remains are gone this much later.
CLEAR_SECONDS = 3.0
#: How much of a log an error quotes.
TAIL_LINES = 5


class StartError(LandscapeError):
    """A process did not come up. Quotes the end of its log."""

    code = "unavailable"


def always_ready() -> bool:
    """For a process nobody waits for."""
    return True


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    """stdout and stderr are appended here."""
    ready: Callable[[], bool] = always_ready
    """Asked again and again; must return within about a second."""
    ready_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 5.0
    """From the stop signal to SIGKILL."""


@dataclass(slots=True)
class Process:
    """A child under its guard. Started again as often as asked."""

    spec: Spec
    lifeline: int
    """Read end of a pipe; when all its write ends are closed, the child is stopped."""
    inherited: tuple[int, ...] = ()
    """Descriptors the guard and the child hold open as long as they live."""
    pid: int = 0
    """Of the child: the process that does the work."""
    started_at: float = 0.0
    """On the monotonic clock."""
    _guard: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _orphan_deadline: float | None = None

    def start(self) -> None:
        """Start guard and child. Raises StartError when not even the guard runs."""
        spec = self.spec
        reader, writer = os.pipe()
        try:
            with spec.log.open("ab") as log:
                command = [
                    sys.executable,
                    "-I",
                    "-S",
                    str(GUARD),
                    str(int(spec.stop_signal)),
                    str(spec.grace_seconds),
                ]
                self._guard = subprocess.Popen(  # noqa: S603  our own commands
                    [*command, *spec.argv],
                    stdin=self.lifeline,
                    stdout=writer,
                    stderr=log,
                    env=dict(spec.environment),
                    cwd=ROOT,
                    pass_fds=self.inherited,
                    start_new_session=True,  # the terminal's Ctrl-C is the supervisor's business
                )
            os.close(writer)
            writer = -1
            ready, _, _ = select.select([reader], [], [], SPAWN_SECONDS)
            line = os.read(reader, 32) if ready else b""
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)
        if not line:
            self.kill()
            raise StartError(f"{spec.name} could not be started: {self.tail()}")
        self.pid = int(line)
        self.started_at = time.monotonic()
        self._orphan_deadline = None

    @property
    def guard_pid(self) -> int:
        """Of the guard; 0 before the first start."""
        return 0 if self._guard is None else self._guard.pid

    @property
    def exit_code(self) -> int | None:
        """The child's, 128 + n after signal n; None while it runs."""
        code = None if self._guard is None else self._guard.poll()
        return None if code is None else code if code >= 0 else 128 - code

    def has_ended(self) -> bool:
        """Whether nothing of guard and child is left. Kills what a dead guard left behind and did not stop in time."""
        if self._guard is None:
            return True
        code = self._guard.poll()
        if code is None:
            return False
        if code >= 0 or not is_group_alive(self.pid):
            return True
        # The guard itself was killed. The kernel has sent the child its stop signal.
        now = time.monotonic()
        if self._orphan_deadline is None:
            self._orphan_deadline = now + self.spec.grace_seconds
        if now >= self._orphan_deadline:
            self._kill_group()
        return False

    def request_stop(self, *, hurry: bool = False) -> None:
        """Send the stop signal; in a hurry, SIGKILL."""
        if self._guard is not None and self._guard.poll() is None:
            self._guard.send_signal(signal.SIGQUIT if hurry else signal.SIGTERM)

    def wait(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Return when everything of it is gone, at the latest a little after the grace period. `hurry` ends the grace."""
        deadline = time.monotonic() + self.spec.grace_seconds + CLEAR_SECONDS
        hurried = False
        while not self.has_ended():
            if time.monotonic() > deadline:
                self.kill()
            elif hurry() and not hurried:
                hurried = True
                self.request_stop(hurry=True)
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the child's group and to the guard."""
        if self.pid:
            self._kill_group()
        if self._guard is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(CLEAR_SECONDS)
            self._guard.kill()
            self._guard.wait()

    def tail(self) -> str:
        """The last lines of the log, and where the rest is."""
        lines = self.spec.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return f"{' | '.join(lines) or 'no output'} (log: {self.spec.log})"

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether this process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError:
        return not Path("/proc/self/stat").exists() and _accepts_signals(pid)
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def is_group_alive(group: int) -> bool:
    """Whether a process group has a running member. Container init processes often leave zombies: those do not count."""
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    if not stats:
        return _accepts_signals(-group)
    for stat in stats:
        with contextlib.suppress(OSError):
            state, _, member_of, *_ = stat.read_text(errors="replace").rpartition(")")[2].split()
            if member_of == str(group) and state not in "ZX":
                return True
    return False


def _accepts_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
