"""Runs one child and sees to it that nothing of the child outlives the supervisor, this guard, or the child itself.

    python -I -S guard.py STOP_SIGNAL GRACE_SECONDS COMMAND…

Standard library only, one thread. The first line on stdout is the child's pid. The child is stopped, which means
its stop signal and SIGKILL after the grace period, when stdin ends (everyone who needs the child is gone) or on
SIGTERM; SIGQUIT kills it at once. If this guard is killed, the kernel sends the child its stop signal
(Linux). When the child has ended, what it left running is killed; the exit code is then the child's.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

#: How long killed remains may take to disappear.
CLEAR_SECONDS = 2.0
#: SIGKILL is sent again this long after it had no effect.
KILL_AGAIN_SECONDS = 1.0

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Not a second SIGTERM: the kernel merges equal signals that are still pending.
HURRY = signal.SIGQUIT
HANDLED = (*STOPS, HURRY, signal.SIGCHLD)


def main(arguments: list[str]) -> int:
    """The child's exit code, 128 + n when signal n ended it."""
    stop_signal, grace_seconds, *command = arguments
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    wakeup = _signals_to_pipe()
    child = _spawn(command, int(stop_signal))
    with contextlib.suppress(BrokenPipeError):
        os.write(1, b"%d\n" % child)
    os.dup2(2, 1)  # the supervisor's pipe ends here
    code = _watch(child, wakeup, int(stop_signal), float(grace_seconds))
    _clear(child)
    return code if code >= 0 else 128 - code


def _signals_to_pipe() -> int:
    """A descriptor on which every signal appears as one byte."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in HANDLED:
        signal.signal(number, lambda *_: None)
    return reader


def _spawn(command: list[str], stop_signal: int) -> int:
    guard = os.getpid()
    # A signal between fork and exec would run the guard's handler in the child, and be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return child
    try:
        os.setsid()
        for number in (*HANDLED, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        _prctl(PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != guard:
            os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def _watch(child: int, wakeup: int, stop_signal: int, grace_seconds: float) -> int:
    """Wait for the child's end, stopping it when asked to. Negative: the signal that ended it."""
    inputs = [wakeup, 0]
    deadline: float | None = None
    while True:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(inputs, [], [], timeout)
        signals = os.read(wakeup, 256) if wakeup in ready else b""
        stop = any(number in signals for number in STOPS)
        if 0 in ready and not os.read(0, 256):
            inputs.remove(0)
            stop = True
        code = _reap(child)
        if code is not None:
            return code
        if stop and deadline is None:
            os.kill(child, stop_signal)
            deadline = time.monotonic() + grace_seconds
        if HURRY in signals or (deadline is not None and time.monotonic() >= deadline):
            _kill_group(child)
            deadline = time.monotonic() + KILL_AGAIN_SECONDS


def _reap(child: int) -> int | None:
    """Collect every process that has ended; the child's exit code if it is among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
    return code


def _clear(child: int) -> None:
    """Kill what the child left: its group, and on Linux every orphan, for they become this guard's own children."""
    deadline = time.monotonic() + CLEAR_SECONDS
    while True:
        _kill_group(child)
        for orphan in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        _reap(child)
        if not _children() or time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _kill_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _children() -> list[int]:
    """This guard's children, zombies included. Empty where there is no /proc."""
    own = str(os.getpid())
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # pid (name) state parent …; a name may hold blanks and parentheses
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if fields[1] == own:
                found.append(int(stat.parent.name))
    return found


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the pipe on stdin and the process group have to do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
