"""Starts and stops what lives on the worker's event loop: the hooks where Dramatiq lets us in."""

import os
import threading
from collections.abc import Awaitable, Callable

from dramatiq import Broker, Worker
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from shared import log

_log = log.get(__name__)

#: Exit status of a worker that could not start; Dramatiq itself would go on without its pool.
BOOT_FAILED = 3
#: Exit status of a worker that had to be cut off while stopping.
STOP_FAILED = 4


class Lifecycle(Middleware):
    """Must come after AsyncIO in the list: the loop runs before it and stops after it."""

    def __init__(
        self,
        start: Callable[[], Awaitable[None]],
        drain: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
        *,
        grace_seconds: float,
    ) -> None:
        self._start = start
        self._drain = drain
        self._stop = stop
        self._grace_seconds = grace_seconds
        self._stopping = False

    def before_worker_boot(self, _broker: Broker, _worker: Worker) -> None:
        """Open everything; without it the process must not live."""
        try:
            _run(self._start())
        except BaseException:  # noqa: BLE001
            _log.exception("boot_failed")
            os._exit(BOOT_FAILED)
        threading.Thread(target=self._end_with_main_thread, name="lifecycle", daemon=True).start()

    def before_worker_shutdown(self, _broker: Broker, worker: Worker) -> None:
        """Take no more messages, then let the jobs come to their end."""
        self._stopping = True
        watchdog = threading.Timer(self._grace_seconds, os._exit, (STOP_FAILED,))
        watchdog.daemon = True
        watchdog.start()
        for consumer in worker.consumers.values():
            consumer.pause()
        for thread in worker.workers:
            thread.pause()
        _run(self._drain())

    def _end_with_main_thread(self) -> None:
        # A second signal makes Dramatiq's main thread exit at once, without any hook if it comes within a
        # second; the loop's thread would live on, hold its leases and lead a service it no longer works for.
        threading.main_thread().join()
        if not self._stopping:
            os._exit(STOP_FAILED)

    def after_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        """Close everything."""
        _run(self._stop())


def _run(work: Awaitable[None]) -> None:
    thread = get_event_loop_thread()
    if thread is None:
        raise RuntimeError("the event loop is not running")
    thread.run_coroutine(work)
