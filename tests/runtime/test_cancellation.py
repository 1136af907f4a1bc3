"""Tasks that are cancelled end."""

import asyncio

import pytest

from shared.runtime.cancellation import cancel

pytestmark = pytest.mark.anyio


async def stubborn(times: int) -> None:
    """Swallows so many cancellations, as `wait_for` may in Python 3.11."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if not times:
                raise
            times -= 1


async def test_tasks_that_swallow_a_cancellation_are_cancelled_again() -> None:
    """All of them have ended when it returns; errors are theirs."""

    async def fails() -> None:
        raise KeyError

    tasks = [asyncio.create_task(work) for work in (stubborn(0), stubborn(1), fails())]
    await asyncio.sleep(0)
    await asyncio.wait_for(cancel(tasks), 5.0)
    assert [task.cancelled() for task in tasks] == [True, True, False]
    assert isinstance(tasks[2].exception(), KeyError)
    await cancel([])
