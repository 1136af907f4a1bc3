"""What every provider promises, whichever it is: found by folder, so a new one is tested before anybody thinks of it."""

import importlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest

from shared import log
from shared.config import Provider as Own
from shared.domain.category import ErrorCategory, ErrorRule, categorize
from shared.domain.item import Item
from shared.domain.keys import registrable_domain
from shared.domain.phases import CONTENT_SCRAPING, SERP_COLLECTION, SERVICES, found_in, of_service
from shared.domain.pipeline import freeze, start_items
from shared.domain.provider import Completed, Endpoint, Fact, Outcome, Provider
from shared.domain.results import PageResult, Ranking, SearchResult
from shared.domain.start import StartRequest
from shared.errors import AnswerError, ProviderError, TransportError
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from tests.logfile import Start, start
from tests.services.till import API_KEY, Reply, Till

__all__ = ["start"]

pytestmark = pytest.mark.anyio

C = ErrorCategory
TREE = Path(__file__).parents[2] / "services"
FOLDERS = sorted(path.parent.name for path in TREE.glob("*/provider.py"))

#: Every part of their answers may be absent: an empty object says that nothing is known.
TAKES_ANY_OBJECT = {"keywords"}

each_provider = pytest.mark.parametrize("folder", FOLDERS)


def module(folder: str) -> ModuleType:
    return importlib.import_module(f"services.{folder}.provider")


def provider(folder: str) -> Provider:
    declared = module(folder).PROVIDER
    assert isinstance(declared, Provider)
    return declared


async def endpoints(folder: str) -> list[Endpoint[Any]]:
    """Those of the module, and the first that `handle` makes up for its items."""
    found = {value.name: value for value in vars(module(folder)).values() if isinstance(value, Endpoint)}

    async def call(endpoint: Endpoint[Any], *_: Any) -> Mapping[str, Fact[Any]]:
        found.setdefault(endpoint.name, endpoint)
        raise TransportError("no answer")

    with pytest.raises(ProviderError):
        await module(folder).handle(sample(folder), call)
    return list(found.values())


def sample(folder: str) -> list[Item]:
    """As many items as one call takes, made as a pipeline makes them."""
    phase = of_service(folder)
    count = provider(folder).items_per_call
    keywords = tuple(f"shoes {n}" for n in range(count))
    config = freeze(StartRequest(keywords=keywords, regions=("US",))).config
    ranked = (f"https://www.youtube.com/watch?v={n:011}" for n in range(count))
    urls = [*ranked, *(f"https://www.site-{n}.example/page" for n in range(count))]
    search = SearchResult(
        tuple(Ranking(1 + n % 20, url, registrable_domain(url)) for n, url in enumerate(urls))
    )
    page = PageResult(found=True, url="https://site-1.example/page", words=500)
    new = [
        *start_items(config),
        *found_in(SERP_COLLECTION, '["shoes","US","organic"]', search, config.rules),
        *found_in(CONTENT_SCRAPING, "site-1.example/page", page, config.rules),
    ]
    found = [item for item in new if item.phase == phase.name][:count]
    assert found, f"no sample item of {phase.name}: its upstream's result needs one here"
    context = {name: msgspec.to_builtins(getattr(config, name)) for name in phase.context}
    source = {"text": "Shoes are sold here. " * 50, "title": "Shoes"} if phase.reads else None
    return [Item(n, item.key, item.input, 0, context, source) for n, item in enumerate(found)]


async def outcomes_of(folder: str, content: bytes) -> list[Outcome]:
    """What `handle` makes of an answer with this body."""
    till = Till(provider(folder), lambda _: httpx.Response(200, content=content))
    outcomes: Mapping[int, Outcome] = await module(folder).handle(sample(folder), till)
    return list(outcomes.values())


async def error_of(folder: str, reply: Reply) -> tuple[ErrorRule, ProviderError]:
    """What `handle` raises when its provider answers like this, and what that means."""
    declared = provider(folder)
    with pytest.raises(ProviderError) as caught:
        await module(folder).handle(sample(folder), Till(declared, reply))
    return categorize(caught.value, declared.errors), caught.value


def test_the_known_providers_are_found() -> None:
    """Otherwise all of the tests below would pass with nothing to test."""
    assert set(FOLDERS) == set(SERVICES)


@each_provider
def test_service_is_the_folder_and_its_phase_is_known(folder: str) -> None:
    """Queue, settings, leader and phase find one another by this name."""
    declared = provider(folder)

    assert declared.service == folder
    assert of_service(folder).service == folder


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
    assert declared.auth[0] in {"bearer", "oauth"} or declared.auth[1]
    assert {*declared.settings, *declared.headers.values()} <= {f.name for f in msgspec.structs.fields(Own)}
    for rule in declared.errors:
        assert rule.category in C
        assert rule.pattern is None or re.compile(rule.pattern)
        assert (rule.status, rule.code, rule.pattern) != (None, None, None)
        assert rule.attempts is None or 1 <= rule.attempts <= declared.retry.attempts


@each_provider
async def test_one_call_can_carry_what_one_handle_is_given(folder: str) -> None:
    """Else a batch would be more calls than the gate was asked for."""
    found = await endpoints(folder)

    assert found
    assert len({endpoint.name for endpoint in found}) == len(found)
    assert any(1 <= provider(folder).items_per_call <= endpoint.per_call for endpoint in found)


@each_provider
async def test_answers_can_be_stored_and_read_again(folder: str) -> None:
    """They are JSON in the store."""
    for endpoint in await endpoints(folder):
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
    if folder in TAKES_ANY_OBJECT and content == b"{}":
        assert all(isinstance(o, Completed) and o.degraded for o in await outcomes_of(folder, content))
        return
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
        settings = dict.fromkeys(provider(folder).settings, "1234567890")
        account = Account(API_KEY, Client("https://oauth.test/token", "c", "s", "r"), settings)
        await Wire(provider(folder), account, 1, transport).aclose()
