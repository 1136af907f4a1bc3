"""The heartbeat: renews the leases of this process's jobs, and cancels work whose lease was lost."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shared import log
from shared.store.heartbeats import Heartbeats

_log = log.get(__name__)


class Heartbeat(threading.Thread):
    """A thread of its own: a busy event loop must not lose leases."""

    def __init__(self, store: Heartbeats, lease_seconds: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._store = store
        self._lease_seconds = lease_seconds
        self._watched: dict[int, asyncio.Task[None]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def watch(self, job_id: int, work: "asyncio.Task[None]") -> Iterator[None]:
        """Renew the job's lease meanwhile; `work` is cancelled when it is lost."""
        with self._lock:
            self._watched[job_id] = work
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(job_id, None)

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self.join(5)

    def run(self) -> None:
        """Renew three times per lease, so that two renewals in a row may fail."""
        while not self._ended.wait(self._lease_seconds / 3):
            with self._lock:
                watched = dict(self._watched)
            if not watched:
                continue
            try:
                held = self._store.renew(list(watched), self._lease_seconds)
            except Exception as error:  # noqa: BLE001 - without this thread the process would lose every lease
                _log.warning("heartbeat_missed", jobs=len(watched), error=str(error))
                continue
            for job_id in watched.keys() - held:
                self._cancel(job_id)
        self._store.close()

    def _cancel(self, job_id: int) -> None:
        with self._lock:
            work = self._watched.get(job_id)
        if work:  # else it ended meanwhile
            _log.warning("lease_lost", job_id=job_id)
            with suppress(RuntimeError):  # the loop has just ended, and the work with it
                work.get_loop().call_soon_threadsafe(work.cancel)
