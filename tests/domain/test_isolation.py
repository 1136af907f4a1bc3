"""Poison: it isolates itself within few crashes and calls, and whoever was beside it completes."""

import math
from collections import Counter, deque

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.isolation import INNOCENT_CRASHES, PARTS, Died, sentence

LIMIT = 5


class World:
    """Workers that die of some items. Jobs of suspects have their worker to themselves, the others share one."""

    def __init__(self, items: int, poison: set[int], size: int, *, side_by_side: int = 1) -> None:
        self.poison = poison
        self.size = size
        self.side_by_side = side_by_side
        self.due: dict[int, deque[int]] = {0: deque(range(items))}
        """Items by chunk."""
        self.died: Counter[int] = Counter()
        self.completed: set[int] = set()
        self.dead: set[int] = set()
        self.jobs = self.crashes = 0

    def run(self) -> None:
        while chunks := sorted(chunk for chunk, due in self.due.items() if due):
            chunk = chunks[0]
            jobs = [self._form(chunk) for _ in range(1 if chunk else self.side_by_side)]
            self._work(chunk, [job for job in jobs if job])

    def _form(self, chunk: int) -> list[int]:
        due = self.due[chunk]
        return [due.popleft() for _ in range(min(len(due), chunk or self.size))]

    def _work(self, chunk: int, jobs: list[list[int]]) -> None:
        self.jobs += len(jobs)
        if not any(self.poison.intersection(job) for job in jobs):
            self.completed.update(*jobs)
            return
        self.crashes += 1
        for job in jobs:
            self.died.update(job)
            verdict = sentence(Died(chunk, len(job), max(self.died[item] for item in job)), LIMIT)
            if verdict.given_up:
                self.dead.update(job)
            else:
                self.due.setdefault(verdict.chunk, deque()).extend(job)


def levels(size: int) -> int:
    """Divisions until a job of `size` items is of one."""
    count = 0
    while size > 1:
        size, count = math.ceil(size / PARTS), count + 1
    return count


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10_000), st.data())
def test_one_poison_is_given_up_after_few_crashes_and_calls(items: int, data: st.DataObject) -> None:
    """Of a batch of thousands: about log4 crashes, four calls each, and everybody else completes."""
    poison = data.draw(st.integers(0, items - 1))
    world = World(items, {poison}, size=10_000)
    world.run()

    assert world.dead == {poison}
    assert len(world.completed) == items - 1
    together = INNOCENT_CRASHES + 1  # with everybody, before anybody is a suspect
    by_itself = 1 + levels(items)
    assert LIMIT <= world.crashes <= max(LIMIT, together + by_itself)
    assert world.jobs <= world.crashes + (PARTS - 1) * levels(items)


def test_a_poison_among_ten_thousand_takes_ten_crashes() -> None:
    """And 30 calls, where single items would take 10,000."""
    world = World(10_000, {4711}, size=10_000)
    world.run()
    assert (world.crashes, world.jobs, world.dead) == (10, 30, {4711})


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2_000), st.sampled_from([1, 5, 25, 500]), st.integers(1, 32), st.data())
def test_several_poisons_are_found_and_nobody_else_is_given_up(
    items: int, size: int, side_by_side: int, data: st.DataObject
) -> None:
    """Whatever runs beside them in the same worker: each poison costs so many crashes, each crash so many jobs."""
    poison = data.draw(st.sets(st.integers(0, items - 1), max_size=4))
    world = World(items, poison, size, side_by_side=side_by_side)
    world.run()

    assert world.dead == poison
    assert len(world.completed) == items - len(poison)
    # By itself each poison is in one job per level, and then alone until the limit.
    assert world.crashes <= (INNOCENT_CRASHES + 1 + 1 + levels(size) + LIMIT) * len(poison)
    assert world.jobs <= math.ceil(items / size) + world.crashes * (side_by_side + PARTS)


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.integers(1, 40), st.integers(1, 10))
def test_company_only_ever_becomes_smaller(chunk: int, items: int, crashes: int, limit: int) -> None:
    """A suspect stays one, with fewer items beside it, and is not given up while there are any."""
    items = min(items, chunk) if chunk else items
    verdict = sentence(Died(chunk, items, crashes), limit)

    assert verdict.chunk <= items
    assert not chunk or 1 <= verdict.chunk <= max(1, chunk // 2 + 1)
    assert not verdict.given_up or items == 1
    assert verdict.given_up or items > 1 or crashes < limit
