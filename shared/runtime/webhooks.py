"""Housekeeping's part in webhooks: events become deliveries, and deliveries are made until they arrive."""

import asyncio
import random
import time
from typing import Final

from shared import log
from shared.domain.webhook import GIVE_UP_SECONDS, REFUSALS, Verdict, delay_seconds, judge, sign
from shared.runtime.posting import CONCURRENCY, TIMEOUT_SECONDS, Posted, Poster
from shared.store.pool import Connection, Pool, unit_of_work
from shared.store.webhooks import (
    Claimed,
    claim_deliveries,
    delay_delivery,
    disable_webhook,
    end_delivery,
    note_answer,
    note_silence,
    spread_events,
)

_log = log.get(__name__)

#: The lease of whoever sends.
LEASE: Final = "webhooks"
ROUND_SECONDS: Final = 0.5
#: Deliveries of one receiver at once.
EACH: Final = 5


class Webhooks:
    """The one loop for all receivers."""

    def __init__(self, pool: Pool, *, allow_private: bool) -> None:
        self._pool = pool
        self._poster = Poster(allow_private=allow_private)
        self._chance = random.Random()  # noqa: S311  spreads retries, hides nothing

    async def aclose(self) -> None:
        """End."""
        await self._poster.aclose()

    async def round(self) -> float:
        """Make what is due; seconds until the next round, none while there is more."""
        async with unit_of_work(self._pool) as conn:
            await spread_events(conn)
        async with unit_of_work(self._pool) as conn:
            due = await claim_deliveries(
                conn, each=EACH, limit=CONCURRENCY, lease_seconds=3 * TIMEOUT_SECONDS
            )
        async with asyncio.TaskGroup() as group:
            for delivery in due:
                group.create_task(self._deliver(delivery))
        return 0.0 if due else ROUND_SECONDS

    async def _deliver(self, delivery: Claimed) -> None:
        message_id, timestamp, body = f"msg_{delivery.delivery_id}", int(time.time()), delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(delivery.secret, message_id, timestamp, body),
        }
        posted = await self._poster.post(delivery.url, body, headers)
        await self._record(delivery, posted, judge(posted.status))

    async def _record(self, delivery: Claimed, posted: Posted, verdict: Verdict) -> None:
        """Receivers before deliveries, as whoever deletes one: two that lock in one order cannot deadlock."""
        async with unit_of_work(self._pool) as conn:
            if verdict is Verdict.GONE:
                await disable_webhook(conn, delivery.webhook_id, "answered 410: it wants no more messages")
            elif verdict is Verdict.DOWN:
                await self._try_later(conn, delivery, posted)
            else:
                await note_answer(conn, delivery.webhook_id)
                await self._settle(conn, delivery, posted, verdict)
        if verdict is not Verdict.DELIVERED:
            _log.warning(
                "webhook_not_delivered",
                webhook_id=str(delivery.webhook_id),
                verdict=verdict,
                status=posted.status,
                error=posted.error,
            )

    async def _try_later(self, conn: Connection, delivery: Claimed, posted: Posted) -> None:
        failures = delivery.failures + 1
        wait = delay_seconds(failures, self._chance.random(), posted.retry_after)
        await note_silence(conn, delivery.webhook_id, failures, wait)
        if delivery.failing_seconds > GIVE_UP_SECONDS:
            await disable_webhook(conn, delivery.webhook_id, f"was down for days: {posted.error}")
        await delay_delivery(conn, delivery.delivery_id, wait, status=posted.status, error=posted.error)

    async def _settle(self, conn: Connection, delivery: Claimed, posted: Posted, verdict: Verdict) -> None:
        if verdict is Verdict.DELIVERED:
            await end_delivery(
                conn, delivery.delivery_id, "delivered", status=posted.status, error=posted.error
            )
        elif delivery.attempts >= REFUSALS:
            await end_delivery(conn, delivery.delivery_id, "failed", status=posted.status, error=posted.error)
        else:
            wait = delay_seconds(delivery.attempts, self._chance.random(), posted.retry_after)
            await delay_delivery(conn, delivery.delivery_id, wait, status=posted.status, error=posted.error)
