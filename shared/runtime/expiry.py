"""What is kept for a time only, and then deleted. `docs/architecture.md` says of every table for how long."""

from collections.abc import Awaitable, Callable
from typing import Final

from shared import log
from shared.store.audit_log import delete_old_entries
from shared.store.calls import delete_dead_flights
from shared.store.doubts import delete_old_doubts
from shared.store.events import delete_old_events
from shared.store.idempotency import delete_old_keys
from shared.store.kept_reports import delete_old_kept
from shared.store.pool import Connection, Pool
from shared.store.retry_history import delete_unread_bodies, fold_old_retry_counters
from shared.store.schedules import delete_old_fires
from shared.store.service_health import delete_stretches, delete_windows
from shared.store.standings import delete_provider_counters
from shared.store.webhooks import delete_old_deliveries

_log = log.get(__name__)

#: A round deletes some of everything. More often than it comes in, less often than it matters.
ROUND_SECONDS: Final = 30.0
#: What takes a look at all of a table is looked for once in so many rounds: ten minutes.
SELDOM: Final = 20
_EVERY_ROUND: Final[dict[str, Callable[[Connection], Awaitable[int]]]] = {
    "idempotency_keys": delete_old_keys,
    "audit_log": delete_old_entries,
    "events": delete_old_events,
    "webhook_deliveries": delete_old_deliveries,
    "schedule_fires": delete_old_fires,
}
_SELDOM: Final[dict[str, Callable[[Connection], Awaitable[int]]]] = {
    "service_health_metrics": delete_windows,
    "service_health_stretches": delete_stretches,
    "provider_counters": delete_provider_counters,
    "retry_counters": fold_old_retry_counters,
    "error_bodies": delete_unread_bodies,
    "flights": delete_dead_flights,
    "doubted_facts": delete_old_doubts,
    "kept_reports": delete_old_kept,
}


class Expiry:
    """A round of housekeeping."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._rounds = 0

    async def round(self) -> float:
        """Delete what nobody needs any more; seconds until the next round."""
        due = _EVERY_ROUND | _SELDOM if self._rounds % SELDOM == 0 else _EVERY_ROUND
        async with self._pool.connection() as conn:
            deleted = {name: await delete(conn) for name, delete in due.items()}
        self._rounds += 1
        if any(deleted.values()):
            _log.info("expired_deleted", **deleted)
        return ROUND_SECONDS
