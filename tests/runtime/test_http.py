"""The wire over real sockets, on both transports: every way a call can end is one of three."""

import asyncio
import gzip
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import httpx
import pytest

from shared.domain.provider import Limits, Provider, Request
from shared.domain.retry import RetryPolicy
from shared.errors import ConfigError, ProviderError, StatusError, TransportError
from shared.runtime.http import AGENT, BODY_LIMIT, Account, Transport, Wire
from tests.runtime.scripted import Script, Scripted, answer, says, scripted

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("transport", ["aiohttp", "httpx"])]

KEY = "k3y-9f8e7d6c5b4a"
PROVIDER = Provider(
    name="example",
    service="serp",
    base_url="",
    auth=("query", "api_key"),
    limits=Limits(2),
    retry=RetryPolicy(),
    timeout_seconds=20.0,
    error_codes=("error.errors.reason", "error.status"),
    retry_after=("retry_after",),
)
ASK = Request("/search", {"q": "shoes"})


@asynccontextmanager
async def wired(
    script: Script,
    transport: Transport,
    *,
    timeout_seconds: float = 20.0,
    auth: tuple[Literal["query", "header", "bearer", "oauth"], str] = PROVIDER.auth,
) -> AsyncIterator[tuple[Wire, Scripted]]:
    async with scripted(script) as server:
        provider = replace(PROVIDER, base_url=server.url, timeout_seconds=timeout_seconds, auth=auth)
        wire = Wire(provider, Account(KEY), 2, transport)
        try:
            yield wire, server
        finally:
            await wire.aclose()


async def test_whole_answer_is_returned(transport: Transport) -> None:
    """Status and body, by length, in chunks, or up to the end of the connection."""
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n"
    for said, expected in [
        (answer(), (200, b"{}")),
        (chunked, (201, b"{} ")),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", (200, b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    ]:
        async with wired(says(said), transport) as (wire, _):
            assert await wire.send(ASK) == expected


async def test_request_is_what_was_asked_for(transport: Transport) -> None:
    """Exact query, whatever characters it holds; the usual headers, none of a library's own."""
    query = {"q": "a+b & c=d #1 100% ;,/?é\u4e2d", "empty": ""}
    async with wired(says(answer()), transport) as (wire, server):
        await wire.send(Request("/search", query))

    head, *headers = server.requests[0].decode().strip().split("\r\n")
    method, target, _ = head.split()
    url = httpx.URL(target)
    assert (method, url.path, dict(url.params)) == ("GET", "/search", {**query, "api_key": KEY})
    assert {name.lower(): value for name, value in (line.split(": ") for line in headers)} == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": AGENT,
    }


@pytest.mark.parametrize(
    ("auth", "line"),
    [
        (("header", "X-Goog-Api-Key"), f"x-goog-api-key: {KEY}"),
        (("bearer", ""), f"authorization: bearer {KEY}"),
    ],
)
async def test_key_in_a_header_is_not_in_the_url(
    transport: Transport, auth: tuple[Literal["header", "bearer"], str], line: str
) -> None:
    """URLs end up in other people's logs."""
    async with wired(says(answer()), transport, auth=auth) as (wire, server):
        await wire.send(ASK)

    head, *headers = server.requests[0].decode().split("\r\n")
    assert head == "GET /search?q=shoes HTTP/1.1"
    assert line in [header.lower() for header in headers]


async def test_body_is_sent_as_json(transport: Transport) -> None:
    """A POST with its type and length."""
    async with wired(says(answer()), transport) as (wire, server):
        await wire.send(Request("/search", {}, "POST", {"q": ["ü"]}))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /search?api_key=")
    assert b"content-type: application/json" in head.lower()
    assert body == '{"q":["ü"]}'.encode()


async def test_packed_answer_is_unpacked(transport: Transport) -> None:
    """Search results shrink to a tenth on the way."""
    packed = gzip.compress(b'{"a":1}' * 1000)
    async with wired(says(answer("200 OK", packed, "Content-Encoding: gzip")), transport) as (wire, _):
        assert await wire.send(ASK) == (200, b'{"a":1}' * 1000)


async def _hang(_: asyncio.StreamWriter, __: int) -> bool:
    await asyncio.sleep(60)
    return False


async def _trickle(writer: asyncio.StreamWriter, _: int) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", [_hang, _trickle])
async def test_timeout_covers_the_whole_answer(transport: Transport, script: Script) -> None:
    """A provider that says a byte now and then is as late as one that says nothing."""
    async with wired(script, transport, timeout_seconds=0.2) as (wire, _):
        began = time.monotonic()
        with pytest.raises(TransportError, match=r"no whole answer within 0\.2 s") as caught:
            await wire.send(ASK)

    assert time.monotonic() - began < 5
    assert caught.value.sent


async def test_cancelled_call_ends_at_once(transport: Transport) -> None:
    """A worker that is stopping does not wait for the provider."""
    async with wired(_trickle, transport) as (wire, server):
        call = asyncio.create_task(wire.send(ASK))
        await server.heard.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 5)


async def test_refused_connection_was_never_sent(transport: Transport) -> None:
    """Nothing can have been charged: the ledger refunds it."""
    async with scripted(says(b"")) as gone:
        pass
    wire = Wire(replace(PROVIDER, base_url=gone.url), Account(KEY), 1, transport)

    with pytest.raises(TransportError, match="cannot connect") as caught:
        await wire.send(ASK)
    await wire.aclose()

    assert not caught.value.sent


async def test_tls_with_somebody_who_speaks_none_was_never_sent(transport: Transport) -> None:
    """A handshake that fails comes before the request."""
    handlers = []

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(writer)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    wire = Wire(replace(PROVIDER, base_url=address), Account(KEY), 1, transport)
    with pytest.raises(TransportError, match="cannot connect") as caught:
        await wire.send(ASK)
    await wire.aclose()
    server.close()
    for writer in handlers:
        writer.close()

    assert not caught.value.sent


CUT = {
    "before the headers": b"",
    "inside the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "broken length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "inside the body": answer(body=b'{"a":1}')[:-3],
    "before the body": answer(body=b'{"a":1}')[:-7],
    "inside a packed body": answer("200 OK", gzip.compress(b"{}" * 99), "Content-Encoding: gzip")[:-9],
    "not packed at all": answer("200 OK", b"{}", "Content-Encoding: gzip"),
    "inside a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{}",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "inside an error's body": answer("500 Oops", b'{"a":1}')[:-3],
}


@pytest.mark.parametrize("said", CUT.values(), ids=CUT)
async def test_broken_answer_is_a_transport_error(transport: Transport, said: bytes) -> None:
    """It may have been charged, so it counts as sent; and it was sent once."""
    async with wired(says(said), transport) as (wire, server):
        with pytest.raises(TransportError) as caught:
            await wire.send(ASK)

    assert caught.value.sent
    assert caught.value.status is None
    assert len(server.requests) == 1
    assert_keyless(caught.value)


@pytest.mark.parametrize("said", [CUT["before the headers"], CUT["no HTTP"], CUT["inside the body"]])
@pytest.mark.parametrize("auth", [("query", "api_key"), ("header", "X-Key"), ("bearer", "")])
async def test_key_is_in_no_error(
    transport: Transport, said: bytes, auth: tuple[Literal["query", "header", "bearer"], str]
) -> None:
    """Not in the text, not in what it was raised from, however it is printed."""
    async with wired(says(said), transport, auth=auth) as (wire, _):
        with pytest.raises(TransportError) as caught:
            await wire.send(ASK)

    assert_keyless(caught.value)


async def test_key_that_the_provider_repeats_is_in_no_error(transport: Transport) -> None:
    """To repeat a wrong key is an ordinary answer; what rules look at is kept without the key."""
    body = (
        f'{{"error":{{"errors":[{{"reason":"bad {KEY}"}}],"message":"Invalid key {KEY}, per day"}}}}'.encode()
    )
    async with wired(says(answer("401 No", body)), transport) as (wire, _):
        with pytest.raises(StatusError) as caught:
            await wire.send(ASK)

    assert_keyless(caught.value)
    assert KEY not in caught.value.body + str(caught.value.codes)
    assert "per day" in caught.value.body


async def test_huge_answer_is_not_read_to_its_end(transport: Transport) -> None:
    """Neither a flood nor one that only swells when it is unpacked fills the memory."""

    async def flood(writer: asyncio.StreamWriter, _: int) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(1 << 20))
            await writer.drain()

    bomb = gzip.compress(bytes(2 * BODY_LIMIT), 1)
    for script in (flood, says(answer("200 OK", bomb, "Content-Encoding: gzip"))):
        async with wired(script, transport) as (wire, _):
            with pytest.raises(TransportError, match=f"larger than {BODY_LIMIT} bytes"):
                await wire.send(ASK)


async def test_redirect_is_not_followed(transport: Transport) -> None:
    """No provider redirects; whoever does must not be given the key."""
    async with wired(says(answer("302 Found", b"", "Location: /elsewhere")), transport) as (wire, server):
        with pytest.raises(StatusError) as caught:
            await wire.send(ASK)

    assert caught.value.status == 302
    assert len(server.requests) == 1


async def test_cookies_are_not_kept(transport: Transport) -> None:
    """Calls do not depend on one another."""
    script = says(answer("200 OK", b"{}", "Set-Cookie: a=1; Path=/"), stays=True)
    async with scripted(script) as server:
        # By name: libraries keep no cookies of bare addresses anyway.
        wire = Wire(replace(PROVIDER, base_url=f"http://localhost:{server.port}"), Account(KEY), 1, transport)
        await wire.send(ASK)
        await wire.send(ASK)
        await wire.aclose()

    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_request_is_sent_once_when_a_reused_connection_breaks(
    transport: Transport, method: Literal["GET", "POST"]
) -> None:
    """The provider may have charged for the first; whether to ask again is decided where it is recorded."""

    async def script(writer: asyncio.StreamWriter, number: int) -> bool:
        if number == 1:
            writer.write(answer())
        return number == 1

    async with wired(script, transport) as (wire, server):
        await wire.send(ASK)
        with pytest.raises(TransportError) as caught:
            await wire.send(Request("/search", {"q": "once"}, method))

    assert server.connections == 1
    assert [b"q=once" in request for request in server.requests] == [False, True]
    assert caught.value.sent


async def test_connection_that_was_closed_meanwhile_is_not_used(transport: Transport) -> None:
    """The provider hangs up between two calls: the second takes a new connection, unharmed."""
    async with wired(says(answer()), transport) as (wire, server):
        for _ in range(3):
            assert await wire.send(ASK) == (200, b"{}")
            await server.hung_up.wait()
            for _ in range(10):  # rounds of the loop in which the client hears of it
                await asyncio.sleep(0)

    assert len(server.requests) == server.connections == 3


async def test_connection_is_used_again(transport: Transport) -> None:
    """A handshake per call would cost more than the call."""
    async with wired(says(answer(), stays=True), transport) as (wire, server):
        for _ in range(3):
            await wire.send(ASK)

    assert server.connections == 1


@pytest.mark.parametrize(
    "address", ["", "api.example.com", "ftp://api.example.com", "http://", "http://[::1", "/v3"]
)
async def test_address_that_is_none_is_refused_at_the_start(transport: Transport, address: str) -> None:
    """The error names the variable, instead of every call failing alike."""
    with pytest.raises(ConfigError, match="LANDSCAPE_PROVIDERS__SERP__BASE_URL"):
        Wire(replace(PROVIDER, base_url=address), Account(KEY), 1, transport)


@pytest.mark.parametrize("key", ["k3y 9f", "key\n", "\tkey", "schlüssel", "key\x00"])
async def test_key_that_cannot_be_one_is_refused_at_the_start(transport: Transport, key: str) -> None:
    """A pasted blank or line end is found at once, and is not repeated in the error."""
    with pytest.raises(ConfigError, match="LANDSCAPE_PROVIDERS__SERP__API_KEY") as caught:
        Wire(replace(PROVIDER, base_url="https://api.example.com"), Account(key), 1, transport)

    assert key not in str(caught.value)


def assert_keyless(error: ProviderError) -> None:
    """The key is in nothing that is printed of an error or of anything it came from."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        if (current := todo.pop()) is not None and current not in seen:
            seen.append(current)
            todo += [current.__cause__, current.__context__]
    printed = [text for e in seen for text in (str(e), repr(e), repr(e.args), *traceback.format_exception(e))]
    assert KEY not in "\n".join(printed)
