"""One HTTP request to a receiver of webhooks: resolved first, then sent to that very address, and to no other."""

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from shared.domain.webhook import check_url, is_public
from shared.runtime.http import retry_after

#: For name, connection, request and the head of the answer together.
TIMEOUT_SECONDS: Final = 10.0
USER_AGENT: Final = "landscape-webhooks/1"
#: Requests at once.
CONCURRENCY: Final = 20


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a request."""

    status: int | None
    """None: there was no answer."""
    error: str | None
    """Why not, or what was wrong with it; never anything of its body."""
    retry_after: float | None = None
    """Seconds the receiver asked for."""


class Poster:
    """Posts to receivers. No redirect is followed, no proxy is used, no connection is kept for another receiver."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            limits=limits, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
        )

    async def aclose(self) -> None:
        """End."""
        await self._client.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Posted:
        """Never raises for anything a receiver, or its name, can do."""
        try:
            check_url(url, allow_private=self._allow_private)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                address = await self._resolve(url)
                return await self._send(url, address, body, headers)
        except TimeoutError:
            return Posted(None, f"no answer within {TIMEOUT_SECONDS:g} s")
        except ValueError as error:
            return Posted(None, f"the address {error}")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Posted(None, f"{type(error).__name__}: {error}"[:200])

    async def _resolve(self, url: str) -> str:
        """The address to connect to. Raises ValueError when the name leads, or leads also, into a private network."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        private = [text for text in addresses if not is_public(ipaddress.ip_address(text))]
        if private and not self._allow_private:
            raise ValueError(
                "leads into a private network; LANDSCAPE_WEBHOOKS__ALLOW_PRIVATE would allow that"
            )
        return addresses[0]

    async def _send(self, url: str, address: str, body: bytes, headers: dict[str, str]) -> Posted:
        parsed = httpx.URL(url)
        # The certificate is checked against the name; the connection goes to what was looked at above.
        request = self._client.build_request(
            "POST",
            parsed.copy_with(host=address),
            content=body,
            headers=headers | {"Host": parsed.netloc.decode(), "User-Agent": USER_AGENT},
            extensions={"sni_hostname": parsed.host},
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()  # nobody needs the body, however long it is
        error = None if response.is_success else f"answered {response.status_code}"
        return Posted(response.status_code, error, retry_after(response.headers, time.time()))
