"""Access tokens by a refresh token (OAuth 2): one request for however many callers, renewed before they end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from shared.errors import AnswerError, ProviderError, StatusError

#: A token is renewed so long before it ends: a call that leaves with it must not arrive too late. Seconds.
EARLY_SECONDS = 60.0
#: How much of an error body rules may look at. Characters.
ERROR_BODY = 2000


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for tokens, and where."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str


Fetch = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, bytes]]]
"""(url, form) -> (status, body) of the answer. Raises TransportError."""


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0


class _Refused(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class Tokens:
    """One token for all callers of this process. All methods belong to one event loop."""

    def __init__(self, client: Client, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._fetch = fetch
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._renewal: asyncio.Task[str] | None = None

    async def get(self) -> tuple[str, bool]:
        """(token, whether it was kept from earlier). Raises ProviderError with `sent` false: no call was made."""
        if self._token and self._clock() < self._until:
            return self._token, True
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="oauth")
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal), False

    def forget(self, token: str) -> None:
        """It was refused: the next caller gets another."""
        if token == self._token:
            self._token = ""

    def _renewed(self, renewal: "asyncio.Task[str]") -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # whoever asked has it; all of them may have gone

    async def _renew(self) -> str:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._client.refresh_token,
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
        }
        asked = self._clock()
        try:
            status, body = await self._fetch(self._client.url, form)
            if status >= 300:
                raise _refusal(status, body)
            granted = msgspec.json.decode(body, type=_Granted, strict=False)
        except msgspec.MsgspecError as error:
            raise AnswerError(f"unreadable token: {error}", codes=("unreadable",), sent=False) from None
        except ProviderError as error:
            error.sent = False
            raise
        self._token, self._until = granted.access_token, asked + granted.expires_in - EARLY_SECONDS
        return self._token


def _refusal(status: int, body: bytes) -> StatusError:
    try:
        refused = msgspec.json.decode(body, type=_Refused)
    except msgspec.MsgspecError:
        refused = _Refused()
    what = refused.error[:100]
    return StatusError(
        f"no access token: status {status}" + (f" ({what})" if what else ""),
        status=status,
        codes=(what,) if what else (),
        body=body[: ERROR_BODY * 4].decode(errors="replace")[:ERROR_BODY],
    )
