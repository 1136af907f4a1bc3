"""Ending tasks for certain."""

import asyncio
from collections.abc import Collection
from typing import Any

#: A task that goes on after a cancellation is cancelled again this much later. Seconds.
AGAIN_SECONDS = 0.5


async def cancel(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel these tasks, and return when all of them have ended, however they did.

    Once is not enough: in Python 3.11 `wait_for`, with which psycopg's pool and redis-py wait, swallows
    a cancellation that comes together with its result.
    """
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=AGAIN_SECONDS)
