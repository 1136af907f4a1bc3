"""The dispatcher: due items become jobs, jobs become messages, a small window of them at a time."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from shared import log, metrics, tracing
from shared.config import Runtime
from shared.domain.job import Due, Plan, form_jobs, job_size, window
from shared.domain.message import Message
from shared.domain.phases import Phase
from shared.domain.provider import Provider
from shared.store import jobs
from shared.store.pool import Pool, unit_of_work

_log = log.get(__name__)

#: Sends messages to a queue; may be slow, may raise OSError when Redis is away.
Publish = Callable[[str, Sequence[Message]], Awaitable[None]]

#: Calls the breaker lets be in flight at once; None: as many as the limits allow.
Allowance = Callable[[], int | None]

#: Waiting items that become due in one round, at the least: what shares a call must not come apart.
WOKEN = 1000
#: Pause between rounds while there is nothing to dispatch, as a multiple of a tick.
IDLE_TICKS = 3


class Dispatcher:
    """One service's dispatch. Safe to run twice at once; one at a time is enough."""

    def __init__(
        self,
        pool: Pool,
        provider: Provider,
        phase: Phase,
        settings: Runtime,
        publish: Publish,
        *,
        allowance: Allowance = lambda: None,
    ) -> None:
        self._pool = pool
        self._provider = provider
        self._phase = phase
        self._settings = settings
        self._publish = publish
        self._allowance = allowance
        self._sent = {again: metrics.DISPATCHED.labels(provider.service, again) for again in ("no", "yes")}
        self._window = window(provider.limits, provider.items_per_call, settings.wait_in_place_seconds)
        self._size = job_size(provider.limits, provider.items_per_call, settings.threads, self._window)

    async def round(self) -> float:
        """Dispatch what is due; seconds until the next round."""
        service, settings = self._provider.service, self._settings
        shut = self._allowance() == 0
        async with self._pool.connection() as conn:
            await jobs.wake_items(conn, self._phase.name, max(WOKEN, self._provider.items_per_call))
            again = await jobs.redispatch_jobs(conn, service, settings.redispatch_seconds)
            if self._phase.upstream:
                await jobs.keep_best(conn, self._phase.name, self._phase.upstream)
            due = await jobs.count_due(conn, self._phase, self._window, bypassing_only=shut)
            if not due and not again:
                return settings.tick_seconds * IDLE_TICKS
            upstream = (
                await jobs.count_upstream(conn, self._phase.upstream) if self._phase.upstream else set()
            )
            open_items = await jobs.count_open(conn, service)
            bypassing = set() if self._allowance() is None else await jobs.find_bypassing(conn)
            plans = self._form(due, open_items, upstream, bypassing)
        async with unit_of_work(self._pool) as conn:
            created = await jobs.create_jobs(conn, self._phase.name, service, plans, tracing.message)
        await self._publish(service, [*again, *created])
        self._sent["yes"].inc(len(again))
        self._sent["no"].inc(len(created))
        _log.debug("jobs_dispatched", service=service, jobs=len(created), again=len(again))
        if created:
            async with self._pool.connection() as conn:
                await jobs.mark_dispatched(conn, [message.job_id for message in created])
        return settings.tick_seconds

    def _form(
        self,
        due: Sequence[Due],
        open_items: Mapping[str, int],
        upstream: Collection[str],
        bypassing: Collection[str],
    ) -> list[Plan]:
        """Behind an open breaker none, with probes one call each; but for pipelines that bypass it as ever.

        What those have open takes nobody's place among the probes: only a probe closes the breaker.
        """
        calls, per_call = self._allowance(), self._provider.items_per_call

        def form(groups: Sequence[Due], window: int, size: int, *, passing: bool | None = None) -> list[Plan]:
            return form_jobs(
                [g for g in groups if passing in {None, g.bypasses_breaker}],
                open_items={p: n for p, n in open_items.items() if passing in {None, p in bypassing}},
                window=window,
                size=size,
                items_per_call=per_call,
                linger_seconds=self._settings.linger_seconds,
                upstream_open=upstream,
            )

        if calls is None:
            return form(due, self._window, self._size)
        return [
            *form(due, min(self._window, calls * per_call), per_call, passing=False),
            *form(due, self._window, self._size, passing=True),
        ]
