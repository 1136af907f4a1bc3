"""Starts processes in order, starts dead ones again, stops them in the opposite order."""

import os
import threading
import time
from collections.abc import Callable

from services.gateway.standalone.process import Process, Spec, StartError

#: Pause before a process that died is started again: doubled with every death in a row, up to the longest.
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
#: A process that lived this long is well again.
WELL_SECONDS = 10.0

WATCH_SECONDS = 0.05
PROBE_SECONDS = 0.03


class Interrupted(Exception):  # noqa: N818  not an error: somebody asked to stop while things were starting
    """`request_stop` was called during start."""


class Tier:
    """A pipe that stops its processes once nobody who needs them is left, even if the supervisor was killed.

    Each process waits for the end of its own tier's pipe, and holds the pipes of all lower tiers open.
    """

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.reader)
        os.close(self.writer)


class Supervisor:
    """Processes in the order of their start. `say` gets one line per death; `changed` is called after each new start."""

    def __init__(
        self,
        tiers: int,
        inherited: tuple[int, ...] = (),
        say: Callable[[str], None] = lambda _: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._tiers = [Tier() for _ in range(tiers)]
        self._inherited = inherited
        self._say = say
        self._changed = changed
        self._groups: list[list[Process]] = []
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._stop_requests = 0
        self._thread: threading.Thread | None = None

    @property
    def processes(self) -> list[Process]:
        """All, in the order of their start."""
        return [process for group in self._groups for process in group]

    def launch(self, tier: int, *specs: Spec) -> None:
        """Start a group of processes that may start and stop together. Does not wait until they are ready."""
        inherited = (*self._inherited, *(lower.writer for lower in self._tiers[:tier]))
        group: list[Process] = []
        self._groups.append(group)
        for spec in specs:
            group.append(Process(spec, self._tiers[tier].reader, inherited))
            group[-1].start()

    def wait_ready(self) -> None:
        """Return when every process answers. Raises StartError when one ends or takes too long, Interrupted."""
        for process in self.processes:
            spec = process.spec
            deadline = process.started_at + spec.ready_seconds
            while not spec.ready():
                if process.exit_code is not None:
                    raise StartError(
                        f"{spec.name} ended with exit code {process.exit_code} while starting: {process.tail()}"
                    )
                if time.monotonic() > deadline:
                    raise StartError(
                        f"{spec.name} was not ready after {spec.ready_seconds:.0f} s: {process.tail()}"
                    )
                if self._stop_requests:
                    raise Interrupted
                time.sleep(PROBE_SECONDS)

    def watch(self) -> None:
        """From now on start again what dies, in a thread of its own."""
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def request_stop(self) -> None:
        """Make a start that is under way give up; asked for a second time, do not wait for graceful ends.

        A signal handler may call it: it takes no lock, which threading.Event would.
        """
        self._stop_requests += 1

    def stop(self) -> None:
        """Stop everything, last started first. Returns when nothing is left."""
        self._stop_requests = max(self._stop_requests, 1)
        if self._thread is not None:
            self._thread.join()

        def hurry() -> bool:
            return self._stop_requests > 1

        def never() -> bool:
            """For the database: it stops fast as it is, and would have to recover at the next start."""
            return False

        while self._groups:
            group = self._groups[-1]
            for process in group:
                process.request_stop()
            for process in group:
                process.wait(never if len(self._groups) == 1 else hurry)
            self._groups.pop()
        while self._tiers:
            self._tiers.pop().close()

    def _watch(self) -> None:
        while not self._stop_requests:
            time.sleep(WATCH_SECONDS)
            for process in self.processes:
                self._revive(process)

    def _revive(self, process: Process) -> None:
        name = process.spec.name
        now = time.monotonic()
        if not process.has_ended():
            return
        if name not in self._due:
            lived = now - process.started_at
            deaths = 0 if lived > WELL_SECONDS else self._deaths.get(name, 0)
            self._deaths[name] = deaths + 1
            pause = min(FIRST_BACKOFF_SECONDS * 2**deaths, LONGEST_BACKOFF_SECONDS)
            self._due[name] = now + pause
            self._say(f"{name} ended with exit code {process.exit_code}; starting it again in {pause:.1f} s")
        elif now >= self._due[name]:
            del self._due[name]
            try:
                process.start()
            except (StartError, OSError) as error:
                self._say(str(error))
                return
            self._changed()
