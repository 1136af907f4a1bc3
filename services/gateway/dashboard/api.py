"""The API as the dashboard calls it: in this process, with the key of whoever is signed in, and no other way to the record."""

import shlex
from contextlib import suppress
from typing import Any, Final

import httpx
import msgspec

from services.gateway.actor import HEADER as ACTOR
from services.gateway.actor import AnyRequest
from services.gateway.conditions import HEADER as IF_MATCH
from services.gateway.observation import HEADER, request_id

BASE: Final = "/api/v1"
#: What an answer says of its content.
_OF_CONTENT: Final = ("Content-Type", "Content-Disposition", "Content-Security-Policy")
#: Longer than starting a million searches takes.
_TIMEOUT_SECONDS: Final = 300.0


class Call(msgspec.Struct, frozen=True):
    """A request of the API that a user may also make."""

    method: str
    path: str
    """Below BASE."""
    body: dict[str, Any] | None = None
    seen: str = ""
    """The ETag of what was read before; refused when it has changed since."""

    @property
    def shown(self) -> str:
        """As documentation writes it."""
        return f"{self.method} {BASE}{self.path}"

    def curl(self, origin: str) -> str:
        """To be typed into a shell; the key stays out of it."""
        words = ["curl", "-X", self.method, f"{origin}{BASE}{self.path}"]
        line = shlex.join(words) + ' -H "Authorization: Bearer $LANDSCAPE_TOKEN"'
        line += f" -H {shlex.quote(f'{IF_MATCH}: {self.seen}')}" if self.seen else ""
        return line if self.body is None else f"{line} --json {shlex.quote(self.encoded.decode())}"

    @property
    def encoded(self) -> bytes:
        """The body as JSON; nothing when there is none."""
        return b"" if self.body is None else msgspec.json.encode(self.body)


class Refused(Exception):  # noqa: N818  the API has refused, which is no error of ours
    """The API's answer to what it did not do."""

    def __init__(
        self, status: int, detail: str, errors: list[dict[str, str]], retry_after: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        """Wrong fields: pointer and detail."""
        self.retry_after = retry_after
        """Seconds after which it may be asked again, if the API said so."""


class Api:
    """One request's way to the API. What the key may not do is refused there, as to anybody."""

    def __init__(self, request: AnyRequest, key: str, actor: str = "") -> None:
        self._transport = httpx.ASGITransport(app=request.app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's types of ASGI are stricter than httpx's
        self._headers = {b"Authorization": b"Bearer " + key.encode(), HEADER.encode(): request_id(request.scope).encode()}  # fmt: skip
        with suppress(UnicodeEncodeError):  # a header holds Latin-1 only; bodies hold every name
            self._headers |= {ACTOR.encode(): actor.encode("latin-1")} if actor else {}

    async def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON. Raises Refused."""
        return await self.send(Call("GET", path), **query)

    async def read(self, path: str) -> tuple[Any, str]:
        """As `get`, with the ETag of what can be edited. Raises Refused."""
        answer = await self._ask(Call("GET", path), {})
        return answer.json(), answer.headers["etag"]

    async def send(self, call: Call, *, once: str = "", **query: Any) -> Any:
        """The answer's JSON, None when it is empty, also of a 503 that says why; asked twice with the same `once`, done once.

        Raises Refused.
        """
        content = (await self._ask(call, query, once)).content
        return msgspec.json.decode(content) if content else None

    async def fetch(self, path: str, **query: Any) -> tuple[bytes, dict[str, str]]:
        """An answer that may be no JSON, with what its headers say of the content. Raises Refused."""
        answer = await self._ask(Call("GET", path), query)
        told = {name: answer.headers[name] for name in _OF_CONTENT if name in answer.headers}
        return answer.content, {"Content-Security-Policy": "default-src 'none'"} | told

    async def _ask(self, call: Call, query: dict[str, Any], once: str = "") -> httpx.Response:
        given = {name: value for name, value in query.items() if value not in (None, "")}
        headers = self._headers | ({b"Idempotency-Key": once.encode()} if once else {})
        headers |= {IF_MATCH.encode(): call.seen.encode("latin-1", "replace")} if call.seen else {}
        # Without trust_env httpx would read proxies for what never leaves this process.
        async with httpx.AsyncClient(
            transport=self._transport, base_url="http://gateway", trust_env=False, timeout=_TIMEOUT_SECONDS
        ) as client:
            answer = await client.request(
                call.method, BASE + call.path, params=given or None, content=call.encoded, headers=headers
            )
        if answer.status_code >= 400 and answer.headers["content-type"].startswith("application/problem"):
            problem = answer.json()
            raise Refused(
                answer.status_code,
                problem["detail"],
                problem.get("errors", []),
                answer.headers.get("retry-after"),
            )
        return answer
