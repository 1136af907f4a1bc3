"""Waiting for what happens elsewhere: asked again and again until a deadline, never slept for."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

#: Longer than anything takes on a busy machine. Seconds.
DEADLINE_SECONDS = 20.0


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], seconds: float = DEADLINE_SECONDS, *, what: str = ""
) -> T: ...


@overload
async def eventually(
    condition: Callable[[], T], seconds: float = DEADLINE_SECONDS, *, what: str = ""
) -> T: ...


async def eventually(
    condition: Callable[[], T | Awaitable[T]], seconds: float = DEADLINE_SECONDS, *, what: str = ""
) -> T:
    """The first true value of `condition`. Raises AssertionError, saying `what`, when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        await asyncio.sleep(0.005)


def wait_until(
    condition: Callable[[], object],
    seconds: float = DEADLINE_SECONDS,
    *,
    what: Callable[[], str] | None = None,
) -> None:
    """Return when `condition` is true; for tests without an event loop. Raises AssertionError as `eventually` does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if what else condition}")
        time.sleep(0.01)
