"""Turns: jobs side by side, suspects by themselves, nobody passed over and nobody forgotten."""

import asyncio
import random
from contextlib import suppress

import pytest

from shared.runtime.turns import Turns
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio


class Jobs:
    """Jobs that last until they are told to end."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.working: list[str] = []
        self._may_end: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str) -> None:
        """Names that begin with a question mark are of suspects."""
        self._may_end[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._work(name))
        await asyncio.sleep(0)

    async def end(self, name: str) -> None:
        self._may_end[name].set()
        await self._tasks[name]
        await asyncio.sleep(0)

    async def cancel(self, name: str) -> None:
        self._tasks[name].cancel()
        with suppress(asyncio.CancelledError):
            await self._tasks[name]
        await asyncio.sleep(0)

    async def _work(self, name: str) -> None:
        async with self.turns.turn(suspect=name.startswith("?")):
            self.working.append(name)
            try:
                await self._may_end[name].wait()
            finally:
                self.working.remove(name)


async def test_suspects_wait_for_the_others_and_the_others_for_them() -> None:
    """First come, first served: whoever comes after a suspect does not pass it."""
    jobs = Jobs()
    for name in ("a", "b", "?c", "d", "?e", "f", "g"):
        await jobs.begin(name)
    seen = [list(jobs.working)]
    for name in ("b", "a", "?c", "d", "?e"):
        await jobs.end(name)
        seen.append(list(jobs.working))
    assert seen == [["a", "b"], ["a"], ["?c"], ["d"], ["?e"], ["f", "g"]]
    await jobs.end("f")
    await jobs.end("g")


async def test_who_leaves_holds_nobody_up() -> None:
    """Neither from the line nor out of the middle of the work."""
    jobs = Jobs()
    for name in ("a", "?b", "c", "?d", "e"):
        await jobs.begin(name)
    await jobs.cancel("?b")
    assert jobs.working == ["a", "c"]
    await jobs.cancel("a")
    await jobs.cancel("c")
    assert jobs.working == ["?d"]
    await jobs.cancel("?d")
    assert jobs.working == ["e"]
    await jobs.end("e")


async def test_a_turn_that_comes_with_the_cancellation_is_passed_on() -> None:
    """Both in one step of the loop."""
    jobs = Jobs()
    for name in ("?a", "?b", "c"):
        await jobs.begin(name)
    jobs._may_end["?a"].set()
    await asyncio.sleep(0)
    jobs._tasks["?b"].cancel()
    await eventually(lambda: jobs.working == ["c"])
    await jobs.end("c")


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_comes_and_goes_suspects_are_by_themselves(seed: int) -> None:
    """Random jobs, cut short at random moments; everybody gets a turn, and the last one leaves it free."""
    chance, turns = random.Random(seed), Turns()
    working: list[bool] = []
    worked = 0

    async def work(suspect: bool) -> None:
        nonlocal worked
        async with turns.turn(suspect=suspect):
            working.append(suspect)
            assert len(working) == 1 or not any(working)
            try:
                for _ in range(chance.randrange(5)):
                    await asyncio.sleep(0)
                worked += 1
            finally:
                working.remove(suspect)

    tasks = [asyncio.create_task(work(chance.random() < 0.3)) for _ in range(300)]
    for task in chance.sample(tasks, 100):
        await asyncio.sleep(0)
        task.cancel()
    ends = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20.0)

    assert {type(end) for end in ends} <= {type(None), asyncio.CancelledError}
    assert worked >= 200
    async with turns.turn(suspect=True):
        assert not working
