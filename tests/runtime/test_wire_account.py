"""What a wire makes of an installation's account: settings in path and headers, tokens, and codes of errors."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from shared.domain.provider import Limits, Provider, Request
from shared.domain.retry import RetryPolicy
from shared.errors import ConfigError, StatusError
from shared.runtime.http import STALE_TOKEN, Account, Wire
from shared.runtime.oauth import Client

pytestmark = pytest.mark.anyio

PROVIDER = Provider(
    name="example",
    service="keywords",
    base_url="https://api.test",
    auth=("oauth", ""),
    limits=Limits(2),
    retry=RetryPolicy(),
    settings={"version": "v26", "customer_id": ""},
    headers={"login-customer-id": "login_customer_id"},
    error_codes=("error.reason",),
    error_headers=("Spb-Initial-Status-Code",),
    retry_after_headers=("x-rate-limit-reset",),
    culprits=("error.index",),
)
CLIENT = Client("https://oauth.test/token", "c", "s", "r")
ASK = Request("/{version}/customers/{customer_id}:ask", method="POST", json={"a": "{b}"})


def wired(
    reply: Callable[[httpx.Request], httpx.Response], provider: Provider = PROVIDER, **settings: str
) -> tuple[Wire, list[httpx.Request]]:
    """A wire whose token server gives out "token 1", "token 2" …; the requests that reached the provider."""
    requests: list[httpx.Request] = []
    given = 0

    def serve(request: httpx.Request) -> httpx.Response:
        nonlocal given
        if request.url.host == "oauth.test":
            given += 1
            return httpx.Response(200, json={"access_token": f"token {given}", "expires_in": 3599})
        requests.append(request)
        return reply(request)

    account = Account("", CLIENT, {"customer_id": "1234567890"} | settings)
    return Wire(provider, account, 2, httpx.MockTransport(serve)), requests


def ok(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b"{}")


async def test_settings_stand_in_the_path_and_in_headers() -> None:
    """Declared defaults unless overridden; a header without a setting is not sent."""
    wire, requests = wired(ok)
    await wire.send(ASK)
    other, more = wired(ok, version="v25", login_customer_id="42")
    await other.send(ASK)

    assert requests[0].url.path == "/v26/customers/1234567890:ask"
    assert requests[0].content == b'{"a":"{b}"}'
    assert "login-customer-id" not in requests[0].headers
    assert (more[0].url.path, more[0].headers["login-customer-id"]) == ("/v25/customers/1234567890:ask", "42")


def test_a_setting_that_must_be_set_is_named() -> None:
    """By its variable."""
    with pytest.raises(ConfigError, match="LANDSCAPE_PROVIDERS__KEYWORDS__CUSTOMER_ID must be set"):
        Wire(PROVIDER, Account("", CLIENT), 1, httpx.MockTransport(ok))
    with pytest.raises(ConfigError, match="LANDSCAPE_PROVIDERS__KEYWORDS__REFRESH_TOKEN must be set"):
        Wire(PROVIDER, Account("", None, {"customer_id": "1"}), 1, httpx.MockTransport(ok))


async def test_a_kept_token_that_is_refused_is_renewed() -> None:
    """The refusal of a kept one is marked, so that a rule may try again; that of a fresh one is not."""
    answers = [
        httpx.Response(200, content=b"{}"),
        *[httpx.Response(401, json={"error": {"reason": "EXPIRED"}})] * 2,
    ]
    wire, requests = wired(lambda _: answers[len(requests) - 1])
    await wire.send(ASK)
    codes = []
    for _ in range(2):
        with pytest.raises(StatusError) as caught:
            await wire.send(ASK)
        codes.append(caught.value.codes)

    assert codes == [(STALE_TOKEN, "EXPIRED"), ("EXPIRED",)]
    assert [r.headers["authorization"] for r in requests] == [
        "Bearer token 1",
        "Bearer token 1",
        "Bearer token 2",
    ]


async def test_errors_are_told_apart_by_headers_too() -> None:
    """Their names and values are codes; their delay is kept; places of culprits are whole numbers only."""
    wire, _ = wired(
        lambda _: httpx.Response(
            500,
            headers={"spb-initial-status-code": "403", "X-Rate-Limit-Reset": "12"},
            json={"error": {"reason": "target", "index": [1, "2", 3.5, True, None, 7]}},
        )
    )
    with pytest.raises(StatusError) as caught:
        await wire.send(ASK)

    assert caught.value.codes == ("target", "spb-initial-status-code", "spb-initial-status-code:403")
    assert (caught.value.retry_after, caught.value.places) == (12.0, (1, 7))


async def test_an_error_status_may_be_an_answer() -> None:
    """Where the endpoint says so."""
    wire, _ = wired(lambda _: httpx.Response(404, content=b"gone"))

    assert await wire.send(ASK, (404,)) == (404, b"gone")
    with pytest.raises(StatusError):
        await wire.send(ASK)


async def test_a_path_without_settings_is_left_alone() -> None:
    """Braces mean something only where a provider has settings."""
    plain = replace(PROVIDER, settings={}, auth=("bearer", ""))
    wire, requests = wired(ok, plain)
    await wire.send(Request("/a{b}"))

    assert requests[0].url.raw_path in {b"/a{b}", b"/a%7Bb%7D"}


async def test_the_provider_is_told_the_calls_id() -> None:
    """Under the name it documents; without an id nothing is said."""
    wire, requests = wired(ok, replace(PROVIDER, request_id="X-Own-Id"))
    await wire.send(ASK, (), "call 1")
    await wire.send(ASK)

    assert [request.headers.get("X-Own-Id") for request in requests] == ["call 1", None]
