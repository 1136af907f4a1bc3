"""The record as gauges of the gateway's /metrics: read at most once in a while, whoever scrapes how often."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.gateway.dependencies import Gateway
from shared import metrics
from shared.domain.item import ItemState, WaitReason
from shared.domain.phases import HOUSEKEEPING, PHASES
from shared.errors import SchemaError
from shared.metrics import Family
from shared.store.gauges import Gauges, read_gauges
from shared.store.pool import Passing

#: What was read less than this ago is told again.
FRESH_SECONDS: Final = 5.0
#: Reading may take this long; Prometheus itself gives up after ten seconds.
BUDGET_SECONDS: Final = 4.0

_WAITING = "waiting."
_JOB_STATES = ("pending", "dispatched", "processing", "dead_letter")


class RecordGauges(Collector):
    """Of one application. While the record cannot be read only `landscape_record_up` is there, and it is 0."""

    def __init__(self) -> None:
        self._read_at = -FRESH_SECONDS
        self._gauges: Gauges | None = None
        self._reading = asyncio.Lock()

    async def refresh(self, gateway: Gateway) -> None:
        """Before a scrape is answered. Never raises for a store that is away."""
        async with self._reading:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return
            try:
                async with asyncio.timeout(BUDGET_SECONDS), gateway.connection() as conn:
                    self._gauges = await read_gauges(conn)
            except (*Passing, SchemaError, TimeoutError):
                self._gauges = None
            self._read_at = time.monotonic()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As it was read last."""
        yield _family(metrics.RECORD_UP, [((), 0.0 if self._gauges is None else 1.0)])
        if self._gauges is not None:
            yield from _families(self._gauges)


Sample = tuple[tuple[str, ...], float]


def _family(family: Family, samples: list[Sample]) -> GaugeMetricFamily:
    gauge = family.gauge()
    for labels, value in samples:
        gauge.add_metric(labels, value)
    return gauge


def _single(family: Family, value: float | None) -> GaugeMetricFamily:
    return _family(family, [] if value is None else [((), value)])


def _families(gauges: Gauges) -> Iterator[GaugeMetricFamily]:
    yield from _items(gauges)
    yield from _queues(gauges)
    leading = {leader.service for leader in gauges.leaders}
    phases = {phase.queue: phase.name for phase in PHASES.values()}
    yield _family(
        metrics.SERVICE_LED, [((queue, name), float(queue in leading)) for queue, name in phases.items()]
    )
    yield _family(
        metrics.SERVICE_REQUESTS, [((service, outcome), calls) for service, outcome, calls in gauges.calls]
    )
    yield from _pipelines(gauges)
    yield _family(metrics.QUOTA_LIMIT, [((provider,), most) for provider, most, _ in gauges.quotas])
    yield _family(metrics.QUOTA_REMAINING, [((provider,), left) for provider, _, left in gauges.quotas])
    yield _single(metrics.BUDGET_USED, gauges.budget_used)


def _items(gauges: Gauges) -> Iterator[GaugeMetricFamily]:
    """A state that has no item is 0, not absent: a comparison needs both sides."""
    counts = {(phase, name): items for phase, name, items in gauges.items}
    yield _family(
        metrics.ITEMS_NOW,
        [((phase, state), counts.get((phase, state), 0)) for phase in PHASES for state in ItemState],
    )
    yield _family(
        metrics.ITEMS_WAITING,
        [
            ((phase, reason), counts.get((phase, _WAITING + reason), 0))
            for phase in PHASES
            for reason in WaitReason
            if reason not in {WaitReason.PAUSED, WaitReason.SHUTDOWN}  # due again at once
        ],
    )
    lag = {due.phase: due.oldest_seconds for due in gauges.due}
    yield _family(
        metrics.DISPATCH_LAG,
        [
            ((phase.name,), lag.get(phase.name, 0.0))
            for phase in PHASES.values()
            if phase.queue != HOUSEKEEPING
        ],
    )


def _queues(gauges: Gauges) -> Iterator[GaugeMetricFamily]:
    jobs = {(queue, state): count for queue, state, count, _ in gauges.queues}
    yield _family(
        metrics.QUEUE_DEPTH,
        [
            ((phase.queue, state), jobs.get((phase.queue, state), 0))
            for phase in PHASES.values()
            for state in _JOB_STATES
        ],
    )
    yield _family(
        metrics.QUEUE_OLDEST,
        [((queue, state), oldest) for queue, state, _, oldest in gauges.queues if oldest is not None],
    )


def _pipelines(gauges: Gauges) -> Iterator[GaugeMetricFamily]:
    counts = {state: (count, oldest) for state, count, oldest in gauges.pipelines}
    states = ("running", "paused")
    yield _family(metrics.PIPELINES, [((state,), counts.get(state, (0, 0.0))[0]) for state in states])
    yield _single(metrics.PIPELINE_OLDEST, counts["running"][1] if "running" in counts else None)
    yield _single(metrics.PIPELINE_LAST_SUCCESS, gauges.last_success)
    yield _single(metrics.CHECKPOINT_AGE, gauges.checkpoint_age)
