"""What every provider promises, whichever it is: found by folder, so a new one is tested before anybody thinks of it."""

import importlib
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest

from shared import log
from shared.domain.category import ErrorCategory, ErrorRule, categorize
from shared.domain.item import Item
from shared.domain.phases import PHASES, SERP_COLLECTION, found_in, of_service
from shared.domain.pipeline import freeze, search_items
from shared.domain.provider import Endpoint, Provider
from shared.domain.results import Ranking, SearchResult
from shared.domain.start import StartRequest
from shared.errors import AnswerError, ProviderError, TransportError
from shared.runtime.http import Wire
from tests.logfile import Start, start
from tests.services.till import API_KEY, Reply, Till

__all__ = ["start"]

pytestmark = pytest.mark.anyio

C = ErrorCategory
SERVICES = Path(__file__).parents[2] / "services"
FOLDERS = sorted(path.parent.name for path in SERVICES.glob("*/provider.py"))

each_provider = pytest.mark.parametrize("folder", FOLDERS)


def module(folder: str) -> ModuleType:
    return importlib.import_module(f"services.{folder}.provider")


def provider(folder: str) -> Provider:
    declared = module(folder).PROVIDER
    assert isinstance(declared, Provider)
    return declared


def endpoints(folder: str) -> list[Endpoint[Any]]:
    return [value for value in vars(module(folder)).values() if isinstance(value, Endpoint)]


def sample(folder: str) -> list[Item]:
    """As many items as one call takes, made as a pipeline makes them."""
    phase = of_service(folder)
    count = provider(folder).items_per_call
    searches = search_items(
        freeze(StartRequest(keywords=tuple(f"shoes {n}" for n in range(count)), regions=("US",))).config
    )
    ranked = (f"https://www.youtube.com/watch?v={n:011}" for n in range(count))
    urls = [*ranked, *(f"https://site-{n}.example/page" for n in range(count))]
    result = SearchResult(tuple(Ranking(n, url, "a.example") for n, url in enumerate(urls, 1)))
    new = searches if phase.find is None else iter(found_in(SERP_COLLECTION, result, PHASES))
    found = [item for item in new if item.phase == phase.name][:count]
    assert found, f"no sample item of {phase.name}: its upstream's result needs one here"
    return [Item(n, item.key, item.input) for n, item in enumerate(found)]


async def error_of(folder: str, reply: Reply) -> tuple[ErrorRule, ProviderError]:
    """What `handle` raises when its provider answers like this, and what that means."""
    declared = provider(folder)
    with pytest.raises(ProviderError) as caught:
        await module(folder).handle(sample(folder), Till(declared, reply))
    return categorize(caught.value, declared.errors), caught.value


def test_the_known_providers_are_found() -> None:
    """Otherwise all of the tests below would pass with nothing to test."""
    assert set(FOLDERS) >= {"serp", "media"}


@each_provider
def test_service_is_the_folder_and_its_phase_is_known(folder: str) -> None:
    """Queue, settings, leader and phase find one another by this name."""
    declared = provider(folder)

    assert declared.service == folder
    assert (of_service(folder).name, of_service(folder)) == (declared.phase, PHASES[declared.phase])


def test_names_of_providers_differ() -> None:
    """Facts, ledger, gate and metrics are kept by them."""
    names = [provider(folder).name for folder in FOLDERS]

    assert len(names) == len(set(names))


@each_provider
def test_declaration_makes_sense(folder: str) -> None:
    """Nothing that would only show when a worker runs."""
    declared = provider(folder)

    assert re.fullmatch(r"https://[a-z0-9.-]+(/[a-z0-9/]+)?", declared.base_url)
    assert declared.timeout_seconds > 0
    assert declared.freshness_seconds > 0
    assert declared.limits.concurrency >= 1
    assert declared.unit
    assert declared.auth[0] == "bearer" or declared.auth[1]
    for rule in declared.errors:
        assert rule.category in C
        assert rule.pattern is None or re.compile(rule.pattern)
        assert (rule.status, rule.code, rule.pattern) != (None, None, None)
        assert rule.attempts is None or 1 <= rule.attempts <= declared.retry.attempts


@each_provider
def test_one_call_can_carry_what_one_handle_is_given(folder: str) -> None:
    """Else a batch would be more calls than the gate was asked for."""
    found = endpoints(folder)

    assert found
    assert len({endpoint.name for endpoint in found}) == len(found)
    assert all(1 <= provider(folder).items_per_call <= endpoint.per_call for endpoint in found)


@each_provider
def test_answers_can_be_stored_and_read_again(folder: str) -> None:
    """They are JSON in the store."""
    for endpoint in endpoints(folder):
        assert endpoint.answer.__struct_config__.frozen
        assert msgspec.json.schema(endpoint.answer)


@each_provider
@pytest.mark.parametrize("status", [401, 402, 403])
async def test_refused_account_is_nobodys_attempt(folder: str, status: int) -> None:
    """Every call would fail alike: the gate closes, the items wait."""
    rule, _ = await error_of(folder, lambda _: httpx.Response(status))

    assert rule.category is C.ACCOUNT


@each_provider
async def test_too_fast_is_throttled_and_the_told_delay_kept(folder: str) -> None:
    """A wait without an attempt, as long as the provider says."""
    rule, error = await error_of(folder, lambda _: httpx.Response(429, headers={"Retry-After": "17"}))

    assert (rule.category, error.retry_after) == (C.THROTTLED, 17.0)


@each_provider
@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
async def test_error_of_the_provider_is_recoverable(folder: str, status: int) -> None:
    """With or without the page of an edge server around it."""
    for content in (b"", b"<html>Bad Gateway</html>"):
        rule, error = await error_of(folder, lambda _, c=content: httpx.Response(status, content=c))  # type: ignore[misc]  # bound at once
        assert (rule.category, error.status) == (C.RECOVERABLE, status)


@each_provider
@pytest.mark.parametrize(
    ("failure", "sent"),
    [
        (httpx.ReadTimeout, True),
        (httpx.ReadError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
    ],
)
async def test_missing_answer_is_recoverable(
    folder: str, failure: type[httpx.TransportError], sent: bool
) -> None:
    """And known as never sent only when no connection was made."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise failure(f"GET {request.url}", request=request)

    rule, error = await error_of(folder, fail)

    assert isinstance(error, TransportError)
    assert (rule.category, error.sent) == (C.RECOVERABLE, sent)


@each_provider
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html>",
        b"{",
        b"null",
        b"[]",
        b"0",
        b'"ok"',
        b"{}",
        b'{"x":1}',
        b"\xff",
        b"[" * 200_000,
    ],
    ids=lambda content: repr(content[:10]),
)
async def test_useless_answer_with_status_200_is_recoverable(folder: str, content: bytes) -> None:
    """A wrong shape is tried twice at most: it is paid for and rarely passes by itself."""
    rule, error = await error_of(folder, lambda _: httpx.Response(200, content=content))

    assert isinstance(error, AnswerError)
    assert rule.category is C.RECOVERABLE
    assert error.codes in {("malformed",), ("unreadable",)}
    assert error.codes == ("unreadable",) or (rule.attempts or 99) <= 2


def _failures() -> Iterable[Reply]:
    echo = f'{{"error":{{"errors":[{{"reason":"{API_KEY}"}}],"message":"bad {API_KEY}"}}}}'.encode()
    yield lambda _: httpx.Response(400, content=echo)
    yield lambda request: httpx.Response(302, headers={"Location": str(request.url)})
    yield lambda _: httpx.Response(200, content=b"<html>")

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"GET {request.url} {request.headers.raw}", request=request)

    yield fail


@each_provider
async def test_key_is_in_no_error_and_no_log(folder: str, start: Start) -> None:
    """Even where the log is not told what to hide, and even where the provider repeats it."""
    path = start("json", "debug", ())
    for reply in _failures():
        _, error = await error_of(folder, reply)
        log.get("test").error("call_failed", error=error, body=error.body, codes=error.codes, exc_info=error)

    assert path.read_text().count("call_failed") == 4
    assert API_KEY not in path.read_text()


@each_provider
async def test_key_that_slips_through_is_hidden_by_the_log(folder: str, start: Start) -> None:
    """The second line of defence, for what a library prints of a request."""
    path = start("json", "debug", (API_KEY,))
    requests: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)

    await error_of(folder, keep)
    log.get("test").info(
        "sent", request=requests[0], url=str(requests[0].url), headers=requests[0].headers.raw
    )

    assert API_KEY not in path.read_text()
    assert "***" in path.read_text()


@each_provider
async def test_wire_accepts_the_declaration_on_both_transports(folder: str) -> None:
    """The address and the place of the key are usable."""
    for transport in ("aiohttp", "httpx"):
        await Wire(provider(folder), API_KEY, 1, transport).aclose()
