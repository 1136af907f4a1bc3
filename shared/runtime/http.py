"""HTTP to providers: the httpx API on a fast transport. The only module that imports httpx."""

import asyncio
import email.utils
import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from shared.domain.provider import Provider, Request
from shared.errors import StatusError, TransportError

Transport = Literal["aiohttp", "httpx"]

AGENT = "landscape/0.1"
#: No answer of any provider is larger. Bytes.
BODY_LIMIT = 16 * 1024 * 1024
#: How much of an error body rules may look at. Characters.
ERROR_BODY = 2000
#: A told delay beyond this is not believed. Seconds.
RETRY_AFTER_CAP = 24 * 60 * 60


def _session(limits: httpx.Limits) -> aiohttp.ClientSession:
    """A session that never sends a request twice: aiohttp repeats a GET by itself when a reused
    connection breaks, and the provider may have charged for the first.
    """
    connector = aiohttp.TCPConnector(
        limit=limits.max_connections or 0,
        keepalive_timeout=limits.keepalive_expiry,
        ssl=httpx.create_ssl_context(),
    )
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    session._retry_connection = False  # noqa: SLF001 - no public switch; a test shows what it prevents
    return session


class Wire:
    """One provider's connections. TLS is verified; redirects are not followed, cookies not kept.

    Speaks httpx's transport API: its client adds cookies, redirects and auth flows that no provider
    needs, at a third of a call's CPU.
    """

    def __init__(
        self,
        provider: Provider,
        api_key: str,
        concurrency: int,
        transport: httpx.AsyncBaseTransport | Transport,
    ) -> None:
        self._provider = provider
        self._base_url = httpx.URL(provider.base_url)
        self._key = api_key
        self._headers = {
            "Host": self._base_url.netloc.decode(),
            "Accept": "application/json",
            "User-Agent": AGENT,
        }
        kind, name = provider.auth
        if kind != "query":
            self._headers[name or "Authorization"] = api_key if kind == "header" else f"Bearer {api_key}"
        timeout = httpx.Timeout(provider.timeout_seconds, connect=min(10.0, provider.timeout_seconds))
        self._extensions = {"timeout": timeout.as_dict()}
        self._transport = build_transport(transport, concurrency) if isinstance(transport, str) else transport

    async def send(self, request: Request) -> tuple[int, bytes]:
        """(status, body) of a 2xx answer. Raises StatusError or TransportError; their texts hold no URL and no key."""
        provider = self._provider
        try:
            async with asyncio.timeout(provider.timeout_seconds):
                response = await self._transport.handle_async_request(self._build(request))
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise TransportError(f"no whole answer within {provider.timeout_seconds:g} s") from None
        except httpx.ConnectError:
            raise TransportError("cannot connect", sent=False) from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise TransportError(f"connection broke: {type(error).__name__}") from None
        if response.is_success:
            return response.status_code, body
        raise _status_error(provider, response, body)

    def _build(self, request: Request) -> httpx.Request:
        kind, name = self._provider.auth
        query = urlencode({**request.query, name: self._key} if kind == "query" else request.query)
        raw_path = self._base_url.raw_path.rstrip(b"/") + request.path.encode() + (b"?" + query.encode() if query else b"")
        url = self._base_url.copy_with(raw_path=raw_path)
        return httpx.Request(
            request.method, url, headers=self._headers, json=request.json, extensions=self._extensions
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def build_transport(name: Transport, concurrency: int) -> httpx.AsyncBaseTransport:
    """Aiohttp underneath, or httpx's own."""
    limits = httpx.Limits(
        max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=15
    )
    if name == "aiohttp":
        return AiohttpTransport(limits=limits, client=lambda: _session(limits))
    return httpx.AsyncHTTPTransport(limits=limits)


async def _read(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise TransportError(f"answer larger than {BODY_LIMIT} bytes")
        chunks.append(chunk)
    length = response.headers.get("content-length")
    if length and not response.headers.get("content-encoding") and size < int(length):
        raise TransportError("answer cut off")
    return b"".join(chunks)


def _status_error(provider: Provider, response: httpx.Response, body: bytes) -> StatusError:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    codes = tuple(str(code) for path in provider.error_codes for code in find(document, path))
    told = [parse_delay(str(value)) for path in provider.retry_after for value in find(document, path)]
    delay = retry_after(response.headers, time.time())
    return StatusError(
        f"status {response.status_code}" + (f" ({codes[0]})" if codes else ""),
        status=response.status_code,
        codes=codes,
        body=body[: ERROR_BODY * 4].decode(errors="replace")[:ERROR_BODY],
        retry_after=delay if delay is not None else next((t for t in told if t is not None), None),
    )


def find(document: Any, path: str) -> Iterator[str | int | float]:
    """Scalars at a dotted path; lists on the way are searched through."""
    if isinstance(document, list):
        for element in document:
            yield from find(element, path)
    elif not path:
        if isinstance(document, str | int | float) and not isinstance(document, bool):
            yield document
    elif isinstance(document, dict):
        head, _, rest = path.partition(".")
        if head in document:
            yield from find(document[head], rest)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from retry-after-ms, or Retry-After as seconds or as an HTTP date (RFC 9110); None without one."""
    if (milliseconds := headers.get("retry-after-ms")) and (delay := parse_delay(milliseconds)) is not None:
        return delay / 1000
    value = headers.get("retry-after")
    if not value:
        return None
    if (delay := parse_delay(value)) is not None:
        return delay
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max(0.0, moment.timestamp() - now), RETRY_AFTER_CAP)


def parse_delay(value: str) -> float | None:
    """Seconds from "30", "1.5" or a protobuf duration "8962s"; None for anything else, negative or not finite."""
    try:
        delay = float(value.strip().removesuffix("s"))
    except ValueError:
        return None
    return min(delay, RETRY_AFTER_CAP) if math.isfinite(delay) and delay >= 0 else None
