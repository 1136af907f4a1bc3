"""HTTP to providers: the httpx API on a fast transport. No other module calls a provider."""

import asyncio
import email.utils
import json
import math
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from shared.domain.provider import Provider, Request
from shared.errors import ConfigError, StatusError, TransportError
from shared.runtime.oauth import Client, Tokens

Transport = Literal["aiohttp", "httpx"]

AGENT = "landscape/0.1"
#: No answer of any provider is larger. Bytes.
BODY_LIMIT = 16 * 1024 * 1024
#: A shorter key is none, and may be an ordinary word. Characters.
SECRET_LENGTH = 16
#: How much of an error body rules may look at. Characters.
ERROR_BODY = 2000
#: Characters of an error code; the longest known has 43.
ERROR_CODE = 100
#: A told delay beyond this is not believed. Seconds.
RETRY_AFTER_CAP = 24 * 60 * 60
#: Code of an error that is no whole answer in time.
TIMEOUT = "timeout"
#: Code of an error that a token which was kept too long may have caused.
STALE_TOKEN = "stale_token"  # noqa: S105 - no secret


@dataclass(frozen=True, slots=True)
class Account:
    """What this installation has of a provider."""

    key: str = ""
    oauth: Client | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Overrides of `Provider.settings`, and the settings that `Provider.headers` names."""


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
        account: Account,
        concurrency: int,
        transport: httpx.AsyncBaseTransport | Transport,
    ) -> None:
        """Raises ConfigError for an address, a key or a setting that can be none."""
        self._provider = provider
        base_url = _checked_url(provider)
        self._base_url = str(base_url).rstrip("/")
        self._key = _checked_key(provider, account.key)
        self._settings = {**provider.settings, **account.settings}
        if missing := [name for name in provider.settings if not self._settings[name]]:
            raise ConfigError(f"{_variable(provider, missing[0].upper())} must be set")
        headers = {
            "Host": base_url.netloc.decode(),
            "Accept": "application/json",
            # What httpx unpacks without further packages; aiohttp would offer what it can unpack itself.
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": AGENT,
        }
        for header, name in provider.headers.items():
            if value := self._settings.get(name):
                headers[header] = value
        kind, name = provider.auth
        if kind in {"header", "bearer"}:
            headers[name or "Authorization"] = self._key if kind == "header" else f"Bearer {self._key}"
        self._headers = httpx.Headers(headers)
        # The whole call has its own limit; a timer for every read would cost more than reading.
        timeout = httpx.Timeout(None, connect=min(10.0, provider.timeout_seconds))
        self._extensions = {"timeout": timeout.as_dict()}
        self._transport = build_transport(transport, concurrency) if isinstance(transport, str) else transport
        self._tokens = self._open_tokens(account) if kind == "oauth" else None

    def _open_tokens(self, account: Account) -> Tokens:
        if account.oauth is None:
            raise ConfigError(f"{_variable(self._provider, 'REFRESH_TOKEN')} must be set")
        _check_address(account.oauth.url, _variable(self._provider, "OAUTH_URL"))
        return Tokens(account.oauth, self._fetch_token)

    async def send(
        self, request: Request, answers: Collection[int] = (), call_id: str = ""
    ) -> tuple[int, bytes]:
        """(status, body) of an answer with a 2xx status or one of `answers`; the provider is told the call's id.

        Raises StatusError or TransportError; their texts hold no URL and no key.
        """
        token, kept = await self._tokens.get() if self._tokens else ("", False)
        answer = await self._try(self._build(request, token, call_id))
        # Raised here, not where it was caught: a transport's own error names the URL and headers, and would
        # stay attached to this one.
        if isinstance(answer, TransportError):
            raise answer
        response, body = answer
        # Some providers print the key into links and messages of good answers too.
        for secret in (self._key, token):
            if len(secret) >= SECRET_LENGTH:
                body = body.replace(secret.encode(), b"***")
        if response.is_success or response.status_code in answers:
            return response.status_code, body
        error = _status_error(self._provider, response, body)
        if self._tokens and response.status_code == 401:
            self._tokens.forget(token)
            if kept:
                error.codes = (STALE_TOKEN, *error.codes)
                error.units = 0.0  # refused at the door
        raise error

    async def _fetch_token(self, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """(status, body) of the answer to a form. Raises TransportError."""
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": AGENT}
        request = httpx.Request("POST", url, headers=headers, data=form, extensions=self._extensions)
        answer = await self._try(request)
        if isinstance(answer, TransportError):
            raise answer
        response, body = answer
        return response.status_code, body

    async def _try(self, request: httpx.Request) -> tuple[httpx.Response, bytes] | TransportError:
        seconds = self._provider.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                response = await self._transport.handle_async_request(request)
                try:
                    return response, await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return TransportError(f"no whole answer within {seconds:g} s", codes=(TIMEOUT,))
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            if _never_left(error):
                return TransportError("cannot connect", sent=False)
            return TransportError(f"connection broke: {type(error).__name__}")

    def _build(self, request: Request, token: str, call_id: str) -> httpx.Request:
        kind, name = self._provider.auth
        query = urlencode({**request.query, name: self._key} if kind == "query" else request.query)
        named = self._provider.settings
        path = request.path.format_map(self._settings) if named else request.path
        url = f"{self._base_url}{path}?{query}" if query else f"{self._base_url}{path}"
        built = httpx.Request(
            request.method, url, headers=self._headers, json=request.json, extensions=self._extensions
        )
        if call_id:
            built.headers[self._provider.request_id] = call_id
        if token:
            built.headers["Authorization"] = f"Bearer {token}"
        return built

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


def _checked_url(provider: Provider) -> httpx.URL:
    return _check_address(provider.base_url, _variable(provider, "BASE_URL"))


def _check_address(text: str, variable: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(f"{variable} must be an address like https://host/path")
    return url


def _checked_key(provider: Provider, key: str) -> str:
    if not key.isascii() or not key.isprintable() or " " in key:
        name = _variable(provider, "API_KEY")
        raise ConfigError(f"{name} holds a blank, a line end or a letter that no key has; copy it again")
    return key


def _variable(provider: Provider, name: str) -> str:
    return f"LANDSCAPE_PROVIDERS__{provider.service.upper()}__{name}"


def _never_left(error: Exception) -> bool:
    """Whether the connection was never made. httpx-aiohttp calls a connection that broke later ConnectTimeout too."""
    if isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


async def _read(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    encoded = response.headers.get("content-encoding")
    # Most answers need no unpacking, and httpx's unpacking costs as much as parsing them.
    source = (
        response.stream
        if isinstance(response.stream, httpx.AsyncByteStream) and not encoded
        else response.aiter_bytes()
    )
    async for chunk in source:
        size += len(chunk)
        if size > BODY_LIMIT:
            raise TransportError(f"answer larger than {BODY_LIMIT} bytes")
        chunks.append(chunk)
    length = response.headers.get("content-length", "")
    if length.isdigit() and not encoded and size < int(length):
        raise TransportError("answer cut off")
    return b"".join(chunks)


def _status_error(provider: Provider, response: httpx.Response, body: bytes) -> StatusError:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    codes = [_code(value) for path in provider.error_codes for value in find(document, path)]
    for name in provider.error_headers:
        if (present := response.headers.get(name)) is not None:
            codes += [name.lower(), _code(f"{name}:{present}".lower())]
    told = [parse_delay(str(value)) for path in provider.retry_after for value in find(document, path)]
    told += [parse_delay(response.headers.get(name, "")) for name in provider.retry_after_headers]
    delay = retry_after(response.headers, time.time())
    error = StatusError(
        f"status {response.status_code}" + (f" ({codes[0]})" if codes else ""),
        status=response.status_code,
        codes=tuple(codes),
        body=body[: ERROR_BODY * 4].decode(errors="replace")[:ERROR_BODY],
        retry_after=delay if delay is not None else next((t for t in told if t is not None), None),
    )
    places = (value for path in provider.culprits for value in find(document, path))
    error.places = tuple(place for place in places if isinstance(place, int))
    return error


def _code(value: str | float) -> str:
    """Short, and without half a surrogate pair, which neither log nor record can hold."""
    return str(value)[:ERROR_CODE].encode(errors="replace").decode()


def find(document: Any, path: str) -> Iterator[str | int | float]:
    """Scalars at a dotted path; lists on the way are searched through, but not lists in lists."""
    if isinstance(document, list):
        for element in document:
            if not isinstance(element, list):
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
    if (milliseconds := headers.get("retry-after-ms")) and (
        delay := parse_delay(milliseconds, 1000)
    ) is not None:
        return delay
    value = headers.get("retry-after")
    if not value:
        return None
    if (delay := parse_delay(value)) is not None:
        return delay
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # the form without a zone means UTC, not this machine's
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, moment.timestamp() - now), RETRY_AFTER_CAP)


def parse_delay(value: str, per_second: float = 1) -> float | None:
    """Seconds from "30", "1.5" or a protobuf duration "8962s"; None for anything else, negative or not finite.

    `per_second` of the unit `value` is in are a second.
    """
    try:
        delay = float(value.strip().removesuffix("s")) / per_second
    except ValueError:
        return None
    return min(delay, RETRY_AFTER_CAP) if math.isfinite(delay) and delay >= 0 else None
