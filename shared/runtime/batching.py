"""Group commit: what arrives while one batch is under way makes the next."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Turns single requests into batches, one at a time. All methods belong to one event loop."""

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        size: int = 500,
        linger_seconds: float = 0.0,
    ) -> None:
        self._flush = flush
        self._size = size
        self._linger_seconds = linger_seconds
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    def add(self, request: T) -> "asyncio.Future[R]":
        """The result for this request.

        An exception among the results of `flush` is raised for its request only, one that `flush`
        raises for everybody in the batch.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if len(self._waiting) >= self._size:
            self._full.set()
        if self._task is None:
            # A batch is nobody's in particular: what is bound to log lines of one caller is not bound to its.
            self._task = asyncio.create_task(self._run(), name="batch", context=contextvars.Context())
        return future

    async def drain(self) -> None:
        """Return when nothing is left to flush."""
        while self._task:
            self._full.set()
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._linger_seconds and len(self._waiting) < self._size:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._full.wait(), self._linger_seconds)
                self._full.clear()
                batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
                await self._settle(batch)
        finally:
            self._task = None

    async def _settle(self, batch: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            results = await self._flush([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)


async def together(awaitables: Sequence[Awaitable[R]]) -> list[R]:
    """Their results, once all of them have come to an end; then the first error, if any, is raised.

    One alone is awaited in place: a task for it would cost more than many of them do.
    """
    if len(awaitables) == 1:
        return [await awaitables[0]]
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast("list[R]", results)
