"""The simulator as an HTTP server: one port, every provider below its prefix, control beside them."""

import asyncio
import gc
import importlib
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import unquote_plus

from aiohttp import web

from services.simulator import control, delivery
from services.simulator.calls import Call
from services.simulator.port import Answer, Request
from services.simulator.registry import PROVIDERS
from services.simulator.settings import Settings
from services.simulator.stage import Stage

SHUTDOWN_SECONDS = 0.2
"""How long calls in flight may still take at the stop; aiohttp waits twice."""
BACKLOG = 1024
LARGEST_REQUEST_BYTES = 16 * 1024 * 1024
"""Prompts and keyword lists are larger than the megabyte that aiohttp takes."""
ALIVE = Answer(200, b'{"status":"ok"}')
NOT_FOUND = Answer(404, b'{"error":{"field":"","message":"no provider and no control is at this path"}}')

_ROUTES = tuple((f"{provider.prefix}/", provider) for provider in PROVIDERS)


def serve(host: str, port: int, settings: Settings) -> None:
    """Play until SIGTERM or SIGINT. Port 0 takes a free one. The line on stderr says when it is ready."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(host, port, settings))


async def _serve(host: str, port: int, settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stage = Stage(settings)
    # The world lives as long as the process: the collector need not look at it again.
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    loop = asyncio.get_running_loop()
    large = partial(web.BaseRequest, loop=loop, client_max_size=LARGEST_REQUEST_BYTES)
    server = web.Server(_handler(stage), request_factory=large, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        sys.stderr.write(f"simulator listening on http://{shown}:{bound[1]}\n")
        sys.stderr.flush()
        await stopped.wait()
    finally:
        await runner.cleanup()


def _handler(stage: Stage) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def handle(http: web.BaseRequest) -> web.StreamResponse:
        path, _, query = http.raw_path.partition("?")
        parameters = _parameters(query)
        body = await http.read() if http.body_exists else b""
        for prefix, provider in _ROUTES:
            if path.startswith(prefix):
                below = path[len(prefix) - 1 :]
                request = Request(http.method, below, parameters, query, http.headers, body)
                return await Call(stage, provider, http).run(request)
        if path.startswith(control.PREFIX):
            below = path[len(control.PREFIX) - 1 :]
            return await delivery.send(http, control.answer(stage, http.method, below, parameters, body))
        return await delivery.send(http, ALIVE if path == "/livez" else NOT_FOUND)

    return handle


def _parameters(query: str) -> dict[str, str]:
    """As parse_qsl would have it, in a fraction of its time; of a name given twice the last counts."""
    found = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        found[_unquoted(name)] = _unquoted(value)
    return found


def _unquoted(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
