"""What a process takes of its machine, in the log once a minute. Written with LANDSCAPE_LOG__PERFORMANCE_METRICS."""

import asyncio
import resource
import time
from pathlib import Path

from shared import log
from shared.runtime.meter import Meter

_log = log.get(__name__)

ROUND_SECONDS = 60.0
_MIB = 1024 * 1024


def memory_bytes() -> int:
    """Resident now; where the kernel does not say, the most so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


class Performance:
    """Of one worker."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._at = time.monotonic()
        self._cpu = time.process_time()
        self._calls = meter.calls

    def tell(self, lag_seconds: float = 0.0) -> None:
        """One line: memory, and what has been done since the last one."""
        now, cpu, calls = time.monotonic(), time.process_time(), self._meter.calls
        passed = max(now - self._at, 0.001)
        _log.debug(
            "performance",
            memory_mib=round(memory_bytes() / _MIB, 1),
            cpu_share=round((cpu - self._cpu) / passed, 3),
            loop_lag_seconds=round(lag_seconds, 4),
            calls=calls - self._calls,
            calls_per_second=round((calls - self._calls) / passed, 2),
        )
        self._at, self._cpu, self._calls = now, cpu, calls

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + ROUND_SECONDS
            await asyncio.sleep(ROUND_SECONDS)
            self.tell(loop.time() - due)
