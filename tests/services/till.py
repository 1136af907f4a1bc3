"""The port's `call` for provider tests: the real wire and the real reading, without store, gate and ledger."""

import json
import math
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from shared.domain.category import ErrorRule, categorize
from shared.domain.provider import Completed, Endpoint, Fact, FactRef, Provider, Request
from shared.errors import ProviderError
from shared.runtime.exchange import read_answer
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from shared.store.rows import rows

A = TypeVar("A", bound=msgspec.Struct)

API_KEY = "k3y-9f8e7d6c5b4a"
OAUTH_URL = "https://oauth.test/token"
#: For every setting a provider says must be set.
SETTING = "1234567890"
PAYLOADS = Path(__file__).parents[1] / "payloads"

Reply = Callable[[httpx.Request], httpx.Response]


class Till:
    """Buys from an in-process provider that answers with `reply`; remembers requests and units."""

    def __init__(self, provider: Provider, reply: Reply) -> None:
        self.requests: list[httpx.Request] = []
        self.units: list[float] = []
        self._reply = reply
        account = Account(
            API_KEY,
            Client(OAUTH_URL, "client", "client secret", "refresh token"),
            {name: default or SETTING for name, default in provider.settings.items()},
        )
        self.wire = Wire(provider, account, 1, httpx.MockTransport(self._serve))

    def _serve(self, request: httpx.Request) -> httpx.Response:
        if request.url == OAUTH_URL:
            return httpx.Response(200, json={"access_token": API_KEY, "expires_in": 3599})
        self.requests.append(request)
        return self._reply(request)

    async def __call__(
        self, endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any] | None = None
    ) -> Mapping[str, Fact[A]]:
        """One fact per distinct subject, in full calls."""
        asked = list(dict.fromkeys(subjects))
        facts: dict[str, Fact[A]] = {}
        for n in range(0, len(asked), endpoint.per_call):
            part = asked[n : n + endpoint.per_call]
            try:
                status, body = await self.wire.send(endpoint.request(part, params or {}), endpoint.answers)
            except ProviderError as error:
                error.culprits = frozenset(part[n] for n in error.places if 0 <= n < len(part))
                raise
            try:
                answers = read_answer(endpoint, status, body, part)
            except ProviderError as error:
                error.status = status
                raise
            self.units.append(endpoint.cost(answers))
            ref = FactRef("", "")
            facts |= {s: Fact(s, _stored(endpoint, answers.get(s)), ref, from_store=False) for s in part}
        return facts


def _stored(endpoint: Endpoint[A], answer: A | None) -> A | None:
    """An answer as it comes back from the store: what does not survive that was not read properly."""
    if answer is None:
        return None
    (kept,) = json.loads(rows([answer]))
    return msgspec.convert(kept, endpoint.answer)


def payload(vendor: str, name: str) -> bytes:
    """A body from tests/payloads."""
    return (PAYLOADS / vendor / f"{name}.json").read_bytes()


async def refusal(provider: Provider, response: httpx.Response) -> tuple[ErrorRule, ProviderError]:
    """What the provider's rules make of an answer with an error status."""
    till = Till(provider, lambda _: response)
    try:
        await till.wire.send(Request("/any"))
    except ProviderError as error:
        return categorize(error, provider.errors), error
    raise AssertionError(f"status {response.status_code} is no error")


def assert_storable(outcome: Completed) -> None:
    """No value that Postgres refuses: its text, its integers and its numbers are narrower than Python's."""
    for fact in (outcome.result, *(fact.answer for fact in outcome.facts)):
        for value in _leaves(msgspec.to_builtins(fact)):
            if isinstance(value, str):
                value.encode()
            elif isinstance(value, int):
                assert -(2**63) <= value < 2**63
            elif isinstance(value, float):
                assert math.isfinite(value)


def _leaves(value: Any) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]


@asynccontextmanager
async def over_http(provider: Provider, base_url: str) -> AsyncIterator[Till]:
    """A till that buys at this address, with a key, two calls at once."""
    till = Till(provider, lambda _: httpx.Response(500))
    till.wire = Wire(replace(provider, base_url=base_url), Account(API_KEY), 2, "aiohttp")
    try:
        yield till
    finally:
        await till.wire.aclose()
