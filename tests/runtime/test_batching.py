"""Group commit: who comes while a batch is under way is in the next one."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.runtime.batching import Batcher
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio


class Flushes:
    """Doubles numbers, one batch at a time, each when the test lets it. Numbers below 0 are refused alone."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Semaphore(0)
        self.under_way = 0

    async def __call__(self, batch: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(batch))
        self.under_way += 1
        assert self.under_way == 1, "two batches at once"
        await self.gate.acquire()
        self.under_way -= 1
        if 13 in batch:
            raise RuntimeError("all of it")
        return [ValueError(str(n)) if n < 0 else 2 * n for n in batch]

    def let(self, batches: int = 1) -> None:
        for _ in range(batches):
            self.gate.release()


async def test_what_comes_meanwhile_makes_the_next_batch() -> None:
    """One batch at a time, everybody with his own result, in the order of coming."""
    flushes = Flushes()
    batcher = Batcher(flushes)
    first = batcher.add(1)
    await eventually(lambda: flushes.batches)
    others = [batcher.add(n) for n in (2, 3, 4)]
    flushes.let(2)
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert flushes.batches == [[1], [2, 3, 4]]


async def test_batches_have_a_largest_size() -> None:
    """What does not fit goes into the one after."""
    flushes = Flushes()
    batcher = Batcher(flushes, size=2)
    results = [batcher.add(n) for n in range(5)]
    flushes.let(3)
    assert await asyncio.gather(*results) == [0, 2, 4, 6, 8]
    assert flushes.batches == [[0, 1], [2, 3], [4]]


async def test_a_refused_request_fails_alone() -> None:
    """Its batch mates have their results."""
    flushes = Flushes()
    batcher = Batcher(flushes)
    flushes.let()
    results = await asyncio.gather(*(batcher.add(n) for n in (1, -2, 3)), return_exceptions=True)
    assert [str(result) for result in results] == ["2", "-2", "6"]
    assert isinstance(results[1], ValueError)


async def test_a_batch_that_breaks_fails_for_all_in_it_and_no_other() -> None:
    """The next batch is flushed as if nothing had been."""
    flushes = Flushes()
    batcher = Batcher(flushes, size=2)
    flushes.let(2)
    results = await asyncio.gather(*(batcher.add(n) for n in (13, 1, 2)), return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError, int]


async def test_who_leaves_does_not_disturb_the_others() -> None:
    """A cancelled request's result is for nobody."""
    flushes = Flushes()
    batcher = Batcher(flushes)
    leaves, stays = asyncio.ensure_future(batcher.add(1)), batcher.add(2)
    leaves.cancel()
    flushes.let()
    assert await stays == 4


async def test_a_batch_waits_for_company_until_it_is_full() -> None:
    """However long it would wait: the size ends it."""
    flushes = Flushes()
    batcher = Batcher(flushes, size=3, linger_seconds=60.0)
    flushes.let()
    results = [batcher.add(1)]
    for n in (2, 3):
        for _ in range(5):
            await asyncio.sleep(0)
        assert flushes.batches == []
        results.append(batcher.add(n))
    assert await asyncio.wait_for(asyncio.gather(*results), 5.0) == [2, 4, 6]


async def test_a_batch_that_stays_small_leaves_after_its_linger() -> None:
    """Company is hoped for, not insisted on."""
    flushes = Flushes()
    batcher = Batcher(flushes, size=3, linger_seconds=0.01)
    flushes.let()
    assert await asyncio.wait_for(batcher.add(1), 5.0) == 2


async def test_draining_waits_for_nothing_but_the_flush() -> None:
    """All that was added is flushed when it returns, lingering or not; with nothing to do it returns at once."""
    flushes = Flushes()
    batcher = Batcher(flushes, size=3, linger_seconds=60.0)
    await batcher.drain()
    results = [batcher.add(n) for n in range(4)]
    flushes.let(2)
    await asyncio.wait_for(batcher.drain(), 5.0)
    assert [result.result() for result in results] == [0, 2, 4, 6]
