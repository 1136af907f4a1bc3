"""How an answer goes over the wire: whole, in drops, cut off, or not at all."""

import asyncio

from aiohttp import web

from services.simulator.port import Answer

DROPS = 20
EDGE_PAGE = Answer(
    200,
    b"<!DOCTYPE html><html><head><title>Please wait</title></head>"
    b"<body><h1>Checking your connection</h1><p>Ray ID: 8f2c1d</p></body></html>",
    content_type="text/html; charset=utf-8",
)


async def send(http: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """The whole answer. Returns when the connection has taken all of it."""
    response = web.Response(status=answer.status, body=answer.body, headers=_headers(answer))
    await response.prepare(http)
    await response.write_eof()
    return response


async def drip(http: web.BaseRequest, answer: Answer, seconds: float) -> web.StreamResponse:
    """The whole answer in pieces, spread over `seconds`."""
    response = await _begin(http, answer)
    size = max(1, -(-len(answer.body) // DROPS))
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(seconds / DROPS)
        await response.write(answer.body[start : start + size])
    await response.write_eof()
    return response


async def cut(http: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Headers that promise the whole body, half of the body, end of the connection."""
    response = await _begin(http, answer)
    await response.write(answer.body[: len(answer.body) // 2])
    if http.transport is not None:
        # Not abort(): that may throw away what was written, and the cut would come before the headers.
        http.transport.close()
    return response


def drop(http: web.BaseRequest) -> web.StreamResponse:
    """End of the connection without a byte."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


async def _begin(http: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_headers(answer))
    response.content_length = len(answer.body)
    await response.prepare(http)
    return response


def _headers(answer: Answer) -> dict[str, str]:
    return {"Content-Type": answer.content_type, **answer.headers}
