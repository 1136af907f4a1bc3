"""A TCP proxy with a bad day: between two real ends it can cut, refuse, stall and slow down, and be well again."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable
from contextlib import AbstractContextManager, suppress
from typing import Self, TypeVar

from services.gateway.standalone.probe import free_port

T = TypeVar("T")

HOST = "127.0.0.1"
CHUNK_BYTES = 16 * 1024
#: Close with a reset, as after a crash of the other machine.
RESET = struct.pack("ii", 1, 0)


class Proxy(AbstractContextManager["Proxy"]):
    """Passes on whatever comes to its own port, from a thread of its own. Its methods belong to any other thread."""

    def __init__(self, host: str, port: int) -> None:
        """To where it passes on."""
        self._upstream = (host, port)
        self.port = free_port()
        self._latency = 0.0
        self._bytes_per_second = 0.0
        self._flowing = asyncio.Event()
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {port}", daemon=True)
        # Bound for good: nobody else gets the port while connections are refused.
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, self.port))
        self._socket.setblocking(False)
        self._thread.start()
        self._do(self._heal())

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def cut(self) -> None:
        """Reset every connection and refuse new ones, until it heals."""
        self._do(self._cut())

    def stall(self) -> None:
        """Keep every connection, accept new ones, and pass nothing on until it heals."""
        self._do(self._stall())

    def slow_down(self, latency_seconds: float, bytes_per_second: float = 0.0) -> None:
        """Whatever passes from now on comes later, and no faster than that; 0: as fast as it can."""
        self._do(self._slow_down(latency_seconds, bytes_per_second))

    def heal(self) -> None:
        """As if nothing had been; what was cut stays cut."""
        self._do(self._heal())

    def heal_after(self, seconds: float) -> None:
        """Leave it as bad as it is for so long; returns when it is well."""
        self._do(asyncio.sleep(seconds), seconds + 10.0)
        self.heal()

    def _do(self, work: Awaitable[T], seconds: float = 10.0) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(seconds)

    async def _cut(self) -> None:
        if self._accepting:
            self._loop.remove_reader(self._socket)
            self._accepting = False
            self._socket.shutdown(socket.SHUT_RD)  # bound, and deaf
        for link in list(self._links):
            with suppress(OSError):
                link.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            link.transport.abort()

    async def _stall(self) -> None:
        self._flowing.clear()

    async def _slow_down(self, latency_seconds: float, bytes_per_second: float) -> None:
        self._latency, self._bytes_per_second = latency_seconds, bytes_per_second

    async def _heal(self) -> None:
        self._latency = self._bytes_per_second = 0.0
        self._flowing.set()
        if not self._accepting:
            self._socket.listen(256)
            self._loop.add_reader(self._socket, self._accept)
            self._accepting = True

    async def _end(self) -> None:
        await self._cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self) -> None:
        """Called when somebody waits. No task that is cancelled with a connection in its hand."""
        try:
            client, _ = self._socket.accept()
        except OSError:  # who waited has gone again
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket) -> None:
        """One connection, until either end is gone."""
        near_in, near = await asyncio.open_connection(sock=client)
        self._links.add(near)
        links = {near}
        try:
            far_in, far = await asyncio.open_connection(*self._upstream)
            links.add(far)
            self._links.add(far)
            pumps = [asyncio.create_task(self._pump(*way)) for way in ((near_in, far), (far_in, near))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.wait(pumps)
        except OSError:
            pass  # nobody is there: the near end is reset below
        finally:
            self._links -= links
            for link in links:
                link.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                await self._flowing.wait()
                if self._latency or self._bytes_per_second:
                    rate = self._bytes_per_second
                    await asyncio.sleep(self._latency + (len(chunk) / rate if rate else 0.0))
                target.write(chunk)
                await target.drain()
