"""The metrics of one phase's items and jobs, with their labels bound once."""

import time

from prometheus_client import Counter

from shared import metrics
from shared.domain.category import ErrorCategory
from shared.domain.dead_letter import is_replayable
from shared.domain.item import ItemState, WaitReason
from shared.domain.phases import Phase
from shared.runtime.journal import item_ended
from shared.store.jobs import Claim
from shared.store.outcomes import Ending, Record

#: What becomes of a job in this process: every item accounted for; its lease lost; cut short by a stop.
COMPLETED, LOST, HANDED_BACK = "completed", "lost", "handed_back"


class ItemMeter:
    """Counts what this process did with items and jobs, and writes a line for each item."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._items: dict[str, Counter] = {}
        for outcome in (ItemState.COMPLETED, ItemState.FAILED, ItemState.SKIPPED, WaitReason.RETRY):
            self._outcome(outcome)
        self._duration = metrics.ITEM_DURATION.labels(phase.name)
        self._waited = metrics.QUEUE_WAIT.labels(phase.queue)
        self._jobs = {
            outcome: metrics.JOBS.labels(phase.queue, outcome) for outcome in (COMPLETED, LOST, HANDED_BACK)
        }
        for category in ErrorCategory:
            if is_replayable(category):
                metrics.DEAD_LETTERED.labels(phase.queue, category)
        metrics.RETRIES.labels(phase.queue, ErrorCategory.RECOVERABLE)

    def job_claimed(self, claim: Claim) -> None:
        """It is this process's now."""
        self._waited.observe(claim.waited_seconds)

    def job_ended(self, outcome: str) -> None:
        """COMPLETED, LOST or HANDED_BACK."""
        self._jobs[outcome].inc()

    def item_ended(self, claim: Claim, unit: Record, ending: Ending, attempts: int) -> None:
        """It is in the record, as the ending of `unit`. `attempts` are those spent before."""
        duration = time.monotonic() - claim.claimed_at
        self._outcome(ending.wait_reason or ending.state).inc()
        self._duration.observe(duration)
        if ending.wait_reason == WaitReason.RETRY and unit.attempt:
            metrics.RETRIES.labels(self._phase.queue, unit.attempt.category).inc()
        elif ending.state == ItemState.FAILED and ending.dead_letter and is_replayable(ending.error_category):
            metrics.DEAD_LETTERED.labels(self._phase.queue, ending.error_category).inc()
        item_ended(ending, unit.attempt, attempts=attempts + ending.spent, duration_seconds=duration)

    def _outcome(self, outcome: str) -> Counter:
        counter = self._items.get(outcome)
        if counter is None:
            counter = self._items[outcome] = metrics.ITEMS.labels(self._phase.name, outcome)
        return counter
