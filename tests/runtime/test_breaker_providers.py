"""What opens the breaker of each of the six providers, with its own rules, thresholds and connections."""

import asyncio
import importlib
from dataclasses import replace

import httpx
import pytest

from shared.broker.breaker import BreakerOpenError, SharedBreaker
from shared.domain.breaker import BreakerState
from shared.domain.category import categorize
from shared.domain.gate import GatePolicy
from shared.domain.phases import SERVICES
from shared.domain.provider import Provider, Request
from shared.errors import ProviderError
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from shared.testing.gate import FakeGate
from tests.services.till import API_KEY, OAUTH_URL, SETTING, Reply

pytestmark = pytest.mark.anyio

#: What the seed asks for: faults until it opens, and seconds until it is tried out.
DEFAULTS = {
    "serp": (10, 300),
    "keywords": (5, 300),
    "enrichment": (5, 600),
    "media": (5, 300),
    "pages": (20, 300),
    "llm": (10, 600),
}
each_service = pytest.mark.parametrize("service", SERVICES)


def declared(service: str) -> Provider:
    provider = importlib.import_module(f"services.{service}.provider").PROVIDER
    assert isinstance(provider, Provider)
    return replace(provider, timeout_seconds=0.01)


class Calls:
    """Calls of a provider that answers like this, through its breaker."""

    def __init__(self, provider: Provider, reply: Reply | None) -> None:
        """`None` hangs."""
        self.gate = FakeGate(GatePolicy(1, breaker=provider.breaker))
        self._breaker = SharedBreaker(provider.name, self.gate, provider.breaker, self._is_fault)
        self._provider = provider
        self._reply = reply
        settings = {name: default or SETTING for name, default in provider.settings.items()}
        oauth = Client(OAUTH_URL, "client", "client secret", "refresh token")
        transport = httpx.MockTransport(self._serve)
        self._wire = Wire(provider, Account(API_KEY, oauth, settings), 1, transport)

    def _is_fault(self, error: BaseException) -> bool:
        return isinstance(error, ProviderError) and categorize(error, self._provider.errors).is_fault

    async def _serve(self, request: httpx.Request) -> httpx.Response:
        if request.url == OAUTH_URL:
            return httpx.Response(200, json={"access_token": API_KEY, "expires_in": 3599})
        if self._reply is None:
            await asyncio.Event().wait()
        assert self._reply
        return self._reply(request)

    async def until_open(self, most: int) -> int:
        """Calls that were made before it opened, or all of them."""
        for n in range(most):
            try:
                await self._breaker.call_async(self._wire.send, Request("/any"))
            except BreakerOpenError:
                return n
            except ProviderError:
                pass
        return most


@each_service
def test_the_seeds_thresholds_are_the_defaults(service: str) -> None:
    """And five successes close each of them."""
    breaker = declared(service).breaker
    assert (breaker.failure_threshold, breaker.timeout_seconds) == DEFAULTS[service]
    assert breaker.success_threshold == 5


@each_service
async def test_a_provider_that_only_hangs_opens_it(service: str) -> None:
    """After its threshold of calls that ran into their time limit."""
    calls = Calls(declared(service), None)
    assert await calls.until_open(50) == DEFAULTS[service][0]
    assert calls.gate.breaker.state is BreakerState.OPEN


@each_service
@pytest.mark.parametrize("status", [500, 502, 503])
async def test_errors_of_its_servers_open_it(service: str, status: int) -> None:
    """Whatever their body."""
    calls = Calls(declared(service), lambda _: httpx.Response(status, content=b"<html>down</html>"))
    assert await calls.until_open(50) == DEFAULTS[service][0]


@each_service
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429])
async def test_what_is_not_its_fault_never_opens_it(service: str, status: int) -> None:
    """Requests nobody can answer, unknown things, refused accounts, throttling: each waits or fails in its own way."""
    calls = Calls(declared(service), lambda _: httpx.Response(status, json={"message": "no"}))
    assert await calls.until_open(200) == 200
    assert calls.gate.breaker.epoch == 0


async def test_a_broken_site_is_not_scrapingbees_fault() -> None:
    """Its own 500 has no status of the site."""
    site = {"spb-initial-status-code": "503"}
    calls = Calls(declared("pages"), lambda _: httpx.Response(500, headers=site))
    assert await calls.until_open(200) == 200
    calls = Calls(declared("pages"), lambda _: httpx.Response(500, json={"reason": "the site hangs"}))
    assert await calls.until_open(200) == 200
