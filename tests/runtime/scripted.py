"""A scripted HTTP server on loopback: it says the given bytes and breaks off where a test wants it to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

#: (writer, number of the request over all connections, from 1) -> whether the connection stays open.
Script = Callable[[asyncio.StreamWriter, int], Awaitable[bool]]


class Scripted:
    """Where the server listens, and what reached it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[bytes] = []
        """Heads and bodies as they came, in order."""
        self.connections = 0
        self.heard = asyncio.Event()
        """A request has come."""
        self.hung_up = asyncio.Event()
        """No connection is open."""

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Scripted]:
    """Serve until the block ends; nothing of it is left behind."""
    handlers: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        served.hung_up.clear()
        try:
            while head := await _request(reader):
                served.requests.append(head)
                served.heard.set()
                if not await script(writer, len(served.requests)):
                    break
        except ConnectionError:
            pass  # the client went first
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            served.hung_up.set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.create_task(converse(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    served = Scripted(server.sockets[0].getsockname()[1])
    try:
        yield served
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of the next request; empty when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = next(
        (line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0"
    )
    return head + await reader.readexactly(int(length))


def says(answer: bytes, *, stays: bool = False) -> Script:
    """Every request gets these bytes; then the connection is closed, unless it stays."""

    async def script(writer: asyncio.StreamWriter, _: int) -> bool:
        writer.write(answer)
        await writer.drain()
        return stays

    return script


def answer(status: str = "200 OK", body: bytes = b"{}", *headers: str) -> bytes:
    """A whole answer with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
