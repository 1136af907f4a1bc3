"""The reaper: items of jobs whose holder died or hung become due again."""

from shared import log, metrics
from shared.config import Runtime
from shared.domain.phases import Phase
from shared.store import jobs
from shared.store.pool import Pool

_log = log.get(__name__)


class Reaper:
    """One phase's reaper."""

    def __init__(self, pool: Pool, phase: Phase, settings: Runtime) -> None:
        self._pool = pool
        self._phase = phase
        self._settings = settings
        self._expired = metrics.LEASES_EXPIRED.labels(phase.name)

    async def round(self) -> float:
        """Return expired leases; seconds until the next round."""
        async with self._pool.connection() as conn:
            expired, items = await jobs.reap_jobs(
                conn, self._phase.queue, self._phase.name, self._settings.crash_limit
            )
        if expired:
            self._expired.inc(expired)
            _log.warning("leases_expired", service=self._phase.queue, jobs=expired, items=items)
        return min(1.0, self._settings.lease_seconds / 5)
