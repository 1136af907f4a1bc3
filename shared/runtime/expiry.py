"""What is kept for a time only, and then deleted: keys of idempotency, the audit log, events, deliveries."""

from typing import Final

from shared import log
from shared.store.audit_log import delete_old_entries
from shared.store.events import delete_old_events
from shared.store.idempotency import delete_old_keys
from shared.store.pool import Pool
from shared.store.webhooks import delete_old_deliveries

_log = log.get(__name__)

#: A round deletes some of everything. More often than it comes in, less often than it matters.
ROUND_SECONDS: Final = 30.0


class Expiry:
    """A round of housekeeping."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def round(self) -> float:
        """Delete what nobody needs any more; seconds until the next round."""
        async with self._pool.connection() as conn:
            deleted = {
                "idempotency_keys": await delete_old_keys(conn),
                "audit_log": await delete_old_entries(conn),
                "events": await delete_old_events(conn),
                "webhook_deliveries": await delete_old_deliveries(conn),
            }
        if any(deleted.values()):
            _log.info("expired_deleted", **deleted)
        return ROUND_SECONDS
