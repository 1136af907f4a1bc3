"""How due items become jobs: batches, linger, window and fair share. Pure."""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.domain.provider import Limits

#: Items in open jobs, as a multiple of the calls that may be in flight: enough that slots never
#: idle between two rounds of the dispatcher, few enough that a pause or a priority acts at once.
WINDOW = 8
#: Part of the window that every pipeline is given before the rest goes to the smallest one.
EVERYBODYS_PART = 16


@dataclass(frozen=True, slots=True)
class Due:
    """Due items of one pipeline that may share a call."""

    pipeline_id: str
    batch_key: str
    chunk: int
    """0; of suspects, the items a job of them may hold."""
    count: int
    oldest_seconds: float
    priority: int
    left: int
    """Items of the phase that its pipeline has not ended, due or not."""
    single: bool = False
    """Its pipeline wants jobs of one item."""
    bypasses_breaker: bool = False
    """Its pipeline's calls start whatever the breaker says."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One job to create."""

    pipeline_id: str
    batch_key: str
    chunk: int
    size: int
    priority: int


def window(limits: Limits, items_per_call: int, wait_seconds: float) -> int:
    """Items that may be in open jobs at once.

    Under a rate limit no more than a call may wait in place for, else claimed items would queue at the gate.
    """
    calls = WINDOW * limits.concurrency
    if limits.requests_per_second:
        # Twice the slots: the items of a job count until its last one has ended.
        calls = min(calls, max(2 * limits.concurrency, int(limits.requests_per_second * wait_seconds * 2)))
    return max(1, calls) * items_per_call


def job_size(limits: Limits, items_per_call: int, threads: int, room: int) -> int:
    """Items per job: whole calls, and so many that `threads` jobs keep every slot busy."""
    calls = max(1, min(room // items_per_call, 4 * limits.concurrency // threads))
    return calls * items_per_call


def form_jobs(
    due: Sequence[Due],
    *,
    open_items: Mapping[str, int],
    window: int,
    size: int,
    items_per_call: int,
    linger_seconds: float,
    upstream_open: Collection[str],
) -> list[Plan]:
    """Jobs to create now.

    Higher priority first. At equal priority every pipeline gets its part of the window, the one with the fewest
    open items first; all else goes to the one with the least left to do: it has nearly the pace it would have by
    itself, and the others lose next to nothing. A batch that would not fill a call waits up to `linger_seconds`
    while its pipeline's upstream may still find company for it.
    """
    room = window - sum(open_items.values())
    part = max(1, window // items_per_call // EVERYBODYS_PART) * items_per_call
    left = {group.pipeline_id: group.left for group in due}
    plans: list[Plan] = []
    for priority in sorted({d.priority for d in due}, reverse=True):
        turns: dict[str, deque[Plan]] = defaultdict(deque)
        for group in (d for d in due if d.priority == priority):
            patient = group.oldest_seconds < linger_seconds and group.pipeline_id in upstream_open
            turns[group.pipeline_id].extend(
                _cut(group, 1 if group.single else min(size, group.chunk or size), items_per_call, patient)
            )
        taken = {pipeline: open_items.get(pipeline, 0) for pipeline, queue in turns.items() if queue}
        while room > 0 and taken:
            behind = [pipeline for pipeline, has in taken.items() if has < part]
            if behind and len(taken) > 1:
                pipeline = min(behind, key=lambda p: (taken[p], p))
                allowed = part - taken[pipeline]
            else:
                pipeline, allowed = min(taken, key=lambda p: (left[p], p)), room
            plan = turns[pipeline].popleft()
            items = min(plan.size, max(items_per_call, min(allowed, room)))
            if rest := plan.size - items:
                turns[pipeline].appendleft(replace(plan, size=rest))
            plans.append(replace(plan, size=items))
            taken[pipeline] += items
            room -= items
            if not turns[pipeline]:
                del taken[pipeline]
    return plans


def _cut(group: Due, size: int, items_per_call: int, patient: bool) -> list[Plan]:
    """Whole jobs first; the rest, unless it had better wait for company."""
    jobs, rest = divmod(group.count, size)
    if patient and not group.chunk:
        rest = rest // items_per_call * items_per_call
    return [
        Plan(group.pipeline_id, group.batch_key, group.chunk, n, group.priority)
        for n in [*[size] * jobs, rest]
        if n
    ]
