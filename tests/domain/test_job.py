"""Forming jobs: the window, priority, fair turns, patience with partial batches."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.job import EVERYBODYS_PART, Due, Plan, form_jobs, job_size, window
from shared.domain.provider import Limits

LINGER_SECONDS = 2.0


@dataclass(frozen=True)
class Load:
    """Everything one round of the dispatcher looks at."""

    due: list[Due]
    open_items: dict[str, int]
    window: int
    size: int
    items_per_call: int
    upstream_open: frozenset[str]

    def plan(self) -> list[Plan]:
        return form_jobs(
            self.due,
            open_items=self.open_items,
            window=self.window,
            size=self.size,
            items_per_call=self.items_per_call,
            linger_seconds=LINGER_SECONDS,
            upstream_open=self.upstream_open,
        )


PIPELINES = ("a", "b", "c")


@st.composite
def loads(draw: st.DrawFn) -> Load:
    items_per_call = draw(st.sampled_from([1, 2, 5, 50]))
    priorities = {pipeline: draw(st.sampled_from([-100, 0, 1000])) for pipeline in PIPELINES}
    left = {pipeline: draw(st.integers(70, 10_000)) for pipeline in PIPELINES}
    groups = draw(
        st.lists(
            st.tuples(st.sampled_from(PIPELINES), st.sampled_from(["", "US"]), st.sampled_from([0, 0, 1, 3])),
            unique=True,
            max_size=5,
        )
    )
    ages = st.sampled_from([0.0, LINGER_SECONDS, 60.0])
    return Load(
        [
            Due(p, key, chunk, draw(st.integers(1, 70)), draw(ages), priorities[p], left[p])
            for p, key, chunk in groups
        ],
        draw(st.dictionaries(st.sampled_from(PIPELINES), st.integers(0, 60))),
        draw(st.integers(1, 8)) * items_per_call,
        draw(st.integers(1, 4)) * items_per_call,
        items_per_call,
        draw(st.frozensets(st.sampled_from(PIPELINES))),
    )


def _group(of: Due | Plan) -> tuple[str, str, int, int]:
    return of.pipeline_id, of.batch_key, of.chunk, of.priority


@settings(max_examples=200)
@given(loads())
def test_window_is_exceeded_by_less_than_one_call(load: Load) -> None:
    """A call is not torn apart for the window's sake, but nothing more goes over it."""
    planned = sum(plan.size for plan in load.plan())

    room = max(0, load.window - sum(load.open_items.values()))
    assert planned <= room + load.items_per_call - 1
    assert planned == 0 or room > 0


@settings(max_examples=200)
@given(loads())
def test_plans_hold_only_what_is_due(load: Load) -> None:
    """No job is larger than asked for, none is empty, and no group gives more than it has."""
    taken: Counter[tuple[str, str, int, int]] = Counter()
    for plan in load.plan():
        assert 1 <= plan.size <= min(load.size, plan.chunk or load.size)
        taken[_group(plan)] += plan.size

    due = {_group(group): group.count for group in load.due}
    assert all(count <= due[group] for group, count in taken.items())


@settings(max_examples=200)
@given(loads())
def test_lower_priority_gets_a_job_only_when_higher_ones_have_all_of_theirs(load: Load) -> None:
    """Priority is strict: what could leave for a higher one has left before."""
    plans = load.plan()
    for priority in {plan.priority for plan in plans}:
        higher = replace(load, due=[group for group in load.due if group.priority > priority], window=10**9)
        assert sum(p.size for p in higher.plan()) == sum(p.size for p in plans if p.priority > priority)

    assert [plan.priority for plan in plans] == sorted((plan.priority for plan in plans), reverse=True)


@settings(max_examples=200)
@given(loads())
def test_everybody_gets_a_part_and_the_smallest_the_rest(load: Load) -> None:
    """At equal priority: nobody gets more than its part while another has less, unless it has the least left to do."""
    due: dict[int, Counter[str]] = defaultdict(Counter)
    for plan in replace(load, window=10**9).plan():
        due[plan.priority][plan.pipeline_id] += plan.size
    left = {group.pipeline_id: group.left for group in load.due}
    part = max(1, load.window // load.items_per_call // EVERYBODYS_PART) * load.items_per_call
    taken = Counter(load.open_items)
    for plan in load.plan():
        waiting = [pipeline for pipeline, items in due[plan.priority].items() if items > 0]
        if any(taken[pipeline] < part for pipeline in waiting):
            assert taken[plan.pipeline_id] == min(taken[pipeline] for pipeline in waiting)
        else:
            assert left[plan.pipeline_id] == min(left[pipeline] for pipeline in waiting)
        due[plan.priority][plan.pipeline_id] -= plan.size
        taken[plan.pipeline_id] += plan.size


def test_a_small_pipeline_has_the_window_and_a_large_one_its_part() -> None:
    """Beside 100,000 items, 100 are dispatched nearly as if they were alone; neither is ever without a job."""
    large, small = Due("a", "", 0, 160, 60.0, 0, 100_000), Due("b", "", 0, 100, 60.0, 0, 100)

    plans = Load([large, small], {}, 64, 5, 1, frozenset()).plan()

    items: Counter[str] = Counter()
    for plan in plans:
        items[plan.pipeline_id] += plan.size
    assert items == {"a": 64 // EVERYBODYS_PART, "b": 64 - 64 // EVERYBODYS_PART}


@settings(max_examples=200)
@given(loads())
def test_only_a_young_partial_batch_with_company_to_come_stays_behind(load: Load) -> None:
    """With room for all, what is left is less than a call, young, and its upstream still works."""
    taken: Counter[tuple[str, str, int, int]] = Counter()
    for plan in replace(load, window=10**9).plan():
        taken[_group(plan)] += plan.size

    for group in load.due:
        rest = group.count - taken[_group(group)]
        patient = group.oldest_seconds < LINGER_SECONDS and group.pipeline_id in load.upstream_open
        assert rest == (group.count % load.items_per_call if patient and not group.chunk else 0)


@settings(max_examples=200)
@given(loads())
def test_every_due_item_is_planned_in_the_end(load: Load) -> None:
    """Round after round, jobs ending in between, nothing starves: not behind others, not by patience."""
    due = {_group(group): replace(group, oldest_seconds=60.0) for group in load.due}
    rounds = 0
    while due:
        plans = replace(load, due=list(due.values()), open_items={}).plan()
        assert plans
        for plan in plans:
            group = due.pop(_group(plan))
            if group.count > plan.size:
                due[_group(plan)] = replace(group, count=group.count - plan.size)
        rounds += 1

    assert rounds <= sum(group.count for group in load.due)


def test_suspects_get_jobs_of_their_chunk() -> None:
    """They do not linger for company, and are never with others."""
    crashed = Due("a", "", 2, 3, 0.0, 0, 3)

    plans = Load([crashed], {}, 100, 50, 50, frozenset({"a"})).plan()

    assert plans == [Plan("a", "", 2, 2, 0), Plan("a", "", 2, 1, 0)]


def test_what_goes_first_does_not_change_the_size_of_what_follows() -> None:
    """A single item of a higher priority leaves the jobs behind it as large as they are."""
    first, behind = Due("a", "", 0, 1, 60.0, 100, 1), Due("b", "", 0, 10, 60.0, 0, 10)

    plans = Load([first, behind], {}, 100, 5, 1, frozenset()).plan()

    assert [plan.size for plan in plans] == [1, 5, 5]


def test_full_window_makes_no_job() -> None:
    """Jobs in line are enough: a pause or a priority acts at once."""
    assert Load([Due("a", "", 0, 9, 60.0, 0, 9)], {"b": 10}, 10, 1, 1, frozenset()).plan() == []


#: Service, limits, items per call -> items in open jobs, items per job with 16 threads.
TABLE = [
    ("serp", Limits(20, 10), 1, 40, 5),
    ("keywords", Limits(1, 1), 10_000, 40_000, 10_000),
    ("enrichment", Limits(10, 10), 20, 800, 40),
    ("media", Limits(20, 20), 50, 4_000, 250),
    ("pages", Limits(5), 1, 40, 1),
    ("llm", Limits(50, 8), 1, 100, 12),
    ("benchmark", Limits(100), 1, 800, 25),
]


@pytest.mark.parametrize(
    ("limits", "items_per_call", "items", "size"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_window_and_job_size_of_the_known_limits(
    limits: Limits, items_per_call: int, items: int, size: int
) -> None:
    """Every slot has work, whole calls are filled, and no more is claimed than may wait at the gate."""
    assert window(limits, items_per_call, wait_seconds=2.0) == items
    assert job_size(limits, items_per_call, threads=16, room=items) == size


@given(
    st.integers(1, 500),
    st.floats(0, 1000),
    st.sampled_from([1, 20, 50, 10_000]),
    st.integers(1, 64),
    st.floats(0, 60),
)
def test_window_keeps_every_slot_busy(
    concurrency: int, rate: float, items_per_call: int, threads: int, wait_seconds: float
) -> None:
    """Whatever the limits: at least a call for every slot, jobs of whole calls that fit."""
    limits = Limits(concurrency, rate)
    items = window(limits, items_per_call, wait_seconds)
    size = job_size(limits, items_per_call, threads, items)

    assert items >= concurrency * items_per_call
    assert size % items_per_call == 0
    assert items_per_call <= size <= items
