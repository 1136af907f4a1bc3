"""Leader election by a lease row: one process of a service dispatches and reaps, any may take over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from shared import log
from shared.store.leases import drop_lease, lease_left, take_lease
from shared.store.pool import Passing, Pool

_log = log.get(__name__)
T = TypeVar("T")

#: One round of a leader's work; seconds until it wants the next one.
Round = Callable[[], Awaitable[float]]
#: Pause after a round that went wrong. Seconds.
PAUSE_SECONDS = 1.0
#: How long giving the lease back may take.
DROP_SECONDS = 2.0


class Leader:
    """Does its rounds while this process holds the lease `name`.

    Two leaders at once, after a stall, do no harm: what the rounds do is guarded by row.
    """

    def __init__(
        self,
        pool: Pool,
        name: str,
        holder: str,
        lease_seconds: float,
        rounds: Sequence[Round],
        *,
        notice: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._name = name
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._due = dict.fromkeys(rounds, 0.0)
        self._notice = notice

    async def run(self) -> None:
        """Until cancelled; then the lease is given back, so that the next one leads at once."""
        loop = asyncio.get_running_loop()
        again_at, leading = 0.0, False
        try:
            while True:
                if loop.time() >= again_at:
                    taken = await self._attempt(self._take)
                    if taken is None:  # who cannot renew does no rounds
                        await asyncio.sleep(PAUSE_SECONDS)
                        continue
                    leading, pause = taken
                    again_at = loop.time() + pause
                if leading:
                    await self._rounds(loop)
                next_at = min(again_at, *self._due.values()) if leading else again_at
                await asyncio.sleep(max(0.0, next_at - loop.time()))
        finally:
            self._notice(0)
            if leading:
                # Shielded: who stops us may cancel again meanwhile, and without this the service waits out the lease.
                await asyncio.wait_for(asyncio.shield(self._drop()), DROP_SECONDS)

    async def _drop(self) -> None:
        async with self._pool.connection() as conn:
            await drop_lease(conn, self._name, self._holder)

    async def _take(self) -> tuple[bool, float]:
        """(leads, seconds until it is to be taken again). Who stands by comes back when a dead leader's lease is over."""
        pause = self._lease_seconds / 3
        async with self._pool.connection() as conn:
            leading = await take_lease(conn, self._name, self._holder, self._lease_seconds)
            if not leading:
                pause = min(pause, await lease_left(conn, self._name))
        self._notice(1 if leading else 0)
        return leading, pause

    async def _rounds(self, loop: asyncio.AbstractEventLoop) -> None:
        for work, due in self._due.items():
            if loop.time() >= due:
                pause = await self._attempt(work)
                self._due[work] = loop.time() + (PAUSE_SECONDS if pause is None else pause)

    async def _attempt(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """None when it went wrong: the others have their turn, and it has its next."""
        try:
            return await work()
        except (*Passing, OSError) as error:
            _log.warning("leader_paused", lease=self._name, error=str(error))
        except Exception:  # noqa: BLE001 - dispatch must outlive a defect in one round
            _log.exception("leader_round_failed", lease=self._name)
        return None
