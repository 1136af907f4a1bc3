"""Trouble on the way: kills workers and empties Redis while a pipeline runs."""

import os
import signal
from collections.abc import Callable
from typing import Any

from services.gateway.standalone.machine import Standalone
from shared.broker.client import flush
from shared.domain.phases import SERP_COLLECTION

#: Share of the searches done -> what happens then.
SERP_KILLED, REDIS_FLUSHED, MEDIA_KILLED = 0.2, 0.45, 0.7


class Chaos:
    """Called with every progress; does each thing once."""

    def __init__(self, system: Standalone) -> None:
        self._system = system
        self._left: list[tuple[float, Callable[[], str]]] = [
            (SERP_KILLED, lambda: self._kill("serp")),
            (REDIS_FLUSHED, self._flush),
            (MEDIA_KILLED, lambda: self._kill("media")),
        ]

    def __call__(self, progress: dict[str, Any]) -> str | None:
        """What was done now, for people."""
        searches = next(phase for phase in progress["phases"] if phase["phase"] == SERP_COLLECTION)
        if self._left and searches["completed"] / max(1, searches["planned"]) >= self._left[0][0]:
            return self._left.pop(0)[1]()
        return None

    @property
    def done(self) -> bool:
        """Whether everything has happened."""
        return not self._left

    def _kill(self, service: str) -> str:
        pid = self._system.run_file.processes[service]
        os.kill(pid, signal.SIGKILL)
        return f"chaos: killed the {service} worker (SIGKILL to pid {pid})"

    def _flush(self) -> str:
        flush(self._system.run_file.redis_url)
        return "chaos: emptied Redis (FLUSHALL)"
