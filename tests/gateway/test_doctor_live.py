"""`landscape doctor --live`: one cheap call per provider, held against what is expected, over HTTP to the simulator."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from services.enrichment.provider import PROVIDER as COGNISM
from services.gateway.cli import exits
from services.gateway.doctor import live
from services.gateway.doctor.expectation import Expectation
from services.gateway.doctor.finding import Finding, Verdict
from services.gateway.doctor.providers import EXPECTATIONS
from services.gateway.standalone import stack
from services.keywords.provider import PROVIDER as GOOGLE_ADS
from services.llm.provider import PROVIDER as OPENAI
from services.media.provider import PROVIDER as YOUTUBE
from services.pages.provider import PROVIDER as SCRAPINGBEE
from services.serp.provider import PROVIDER as SCALE_SERP
from services.simulator.videos import Videos
from shared import config
from shared.domain.phases import SERVICES
from tests.services.test_simulator_process import Simulator, simulator

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
PROVIDERS = {p.service: p for p in (COGNISM, GOOGLE_ADS, OPENAI, YOUTUBE, SCRAPINGBEE, SCALE_SERP)}
BY_SERVICE = {expectation.service: expectation for expectation in EXPECTATIONS}
#: What a drifted provider calls something else, and how the difference reads.
RENAMED = {
    "serp": ("credits_remaining", "account_info.credits_remaining: expected integer"),
    "keywords": ("keywordMetrics", "results[].keywordMetrics: expected object"),
    "enrichment": ("account Entitlement", "account Entitlement: expected object"),
    "media": ("channelId", "items[].snippet.channelId: expected string"),
    "pages": ("max_concurrency", "max_concurrency: expected integer"),
    "llm": ("owned_by", "data[].owned_by: expected string"),
}
#: What it sends in another type.
RETYPED = {
    "serp": ("credits_used", "account_info.credits_used: string, expected integer"),
    "keywords": (
        "avgMonthlySearches",
        "results[].keywordMetrics.avgMonthlySearches: integer, expected string",
    ),
    "enrichment": ("revenue", "account Entitlement.revenue: string, expected boolean"),
    "media": ("viewCount", "items[].statistics.viewCount: integer, expected string"),
    "pages": ("used_api_credit", "used_api_credit: string, expected integer"),
    "llm": ("created", "data[].created: string, expected integer"),
}
KEY = "k3y-0f-the-0perat0r"

each = pytest.mark.parametrize("service", BY_SERVICE)


@pytest.fixture(scope="module")
def world() -> Iterator[Simulator]:
    """A simulator that answers at once."""
    with simulator("--latency-ms", "0", "--seed", "1") as running:
        yield running


def environment(url: str, *services: str, key: str = KEY) -> dict[str, str]:
    """In which the simulator at `url` stands in for these services, or all."""
    made = stack.simulated({}, services or tuple(BY_SERVICE), url)
    return {name: key if value == "simulator" else value for name, value in made.items()}


def expectation(service: str) -> Expectation:
    """What is expected; of YouTube the answer to a video that the simulated world has."""
    one = BY_SERVICE[service]
    if service != "media":
        return one
    query = {**one.request.query, "id": Videos(1).id(0)}
    return replace(one, request=replace(one.request, query=query))


async def call(service: str, url: str, key: str = KEY) -> tuple[Finding, ...]:
    return tuple(await live.call(expectation(service), config.load(environment(url, service, key=key))))


def doctor(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.gateway.cli", "doctor", *words],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@contextmanager
def drifted(url: str, change: Callable[[Any], Any], status: int = 200) -> Iterator[str]:
    """The simulator behind a server that changes every answer but a token; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            given = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = httpx.request(
                self.command, url + self.path, headers=given, content=self.rfile.read(size)
            )
            token = "/oauth/" in self.path
            body = answer.content if token else json.dumps(change(answer.json())).encode()
            self.send_response(answer.status_code if token else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def renamed(document: Any, name: str) -> Any:
    """With this key called something else, wherever it is."""
    if isinstance(document, dict):
        return {f"{k}Renamed" if k == name else k: renamed(v, name) for k, v in document.items()}
    return [renamed(one, name) for one in document] if isinstance(document, list) else document


def retyped(document: Any, name: str) -> Any:
    """With a number for text and text for anything else at this key."""
    if isinstance(document, dict):
        return {
            k: (1 if isinstance(v, str) else str(v)) if k == name else retyped(v, name)
            for k, v in document.items()
        }
    return [retyped(one, name) for one in document] if isinstance(document, list) else document


def test_every_service_has_an_expectation_that_says_where_it_is_from() -> None:
    """A seventh provider is not forgotten."""
    assert set(BY_SERVICE) == set(SERVICES) == set(PROVIDERS)
    assert all(one.source and one.price and one.fields for one in EXPECTATIONS)


@each
def test_call_is_made_where_and_as_the_service_makes_its_own(service: str) -> None:
    """The gateway imports no service, so what both say is compared here."""
    ours, theirs = BY_SERVICE[service].provider, PROVIDERS[service]

    assert (ours.name, ours.base_url, ours.auth) == (theirs.name, theirs.base_url, theirs.auth)
    assert (dict(ours.settings), dict(ours.headers)) == (dict(theirs.settings), dict(theirs.headers))


@each
def test_credentials_are_settings(service: str) -> None:
    """A misspelt one would never be missing."""
    assert all(hasattr(config.Provider(), name) for name in BY_SERVICE[service].credentials)


@each
async def test_answer_is_as_expected(service: str, world: Simulator) -> None:
    """Field by field, and the clocks agree."""
    answered, clocks = await call(service, world.url)

    assert (answered.verdict, answered.differences) == (Verdict.OK, ())
    assert clocks.verdict is Verdict.OK
    assert clocks.check == f"clock of {PROVIDERS[service].name}"


@each
async def test_renamed_field_shows_as_missing_and_unknown(service: str, world: Simulator) -> None:
    """Somebody has to look at what the service reads."""
    name, says = RENAMED[service]
    with drifted(world.url, lambda document: renamed(document, name)) as url:
        answered, *_ = await call(service, url)

    assert answered.verdict is Verdict.FIX
    assert f"missing {says}" in answered.differences
    assert any(line.startswith("unknown ") and f"{name}Renamed" in line for line in answered.differences)


@each
async def test_field_of_another_type_shows(service: str, world: Simulator) -> None:
    """With both types, and without the value."""
    name, says = RETYPED[service]
    with drifted(world.url, lambda document: retyped(document, name)) as url:
        answered, *_ = await call(service, url)

    assert answered.verdict is Verdict.FIX
    assert f"changed {says}" in answered.differences


@each
async def test_further_field_is_worth_a_note(service: str, world: Simulator) -> None:
    """Providers add fields without a word; nothing is to be fixed."""
    with drifted(world.url, lambda document: {**document, "news": KEY}) as url:
        answered, *_ = await call(service, url)

    assert (answered.verdict, answered.differences) == (Verdict.NOTE, ("unknown news: string",))


@each
async def test_wrong_key_names_the_variables_and_not_the_key(service: str, world: Simulator) -> None:
    """Refused: nothing is said about the answer's fields."""
    answered, *_ = await call(service, world.url, key="invalid-but-secret")
    variable = BY_SERVICE[service].variable(BY_SERVICE[service].credentials[0])

    assert answered.verdict is Verdict.FIX
    assert "status 40" in answered.detail
    assert variable in answered.fix
    assert "invalid-but-secret" not in f"{answered}"


@each
async def test_without_a_network_it_says_so(service: str) -> None:
    """And names the address that may be wrong."""
    (answered,) = await call(service, "http://127.0.0.1:9")

    assert answered.verdict is Verdict.FIX
    assert answered.detail == "cannot connect"
    assert BY_SERVICE[service].variable("base_url") in answered.fix


@each
async def test_provider_in_trouble_is_no_fault_of_ours(service: str, world: Simulator) -> None:
    """A 500 means: ask again later."""
    with drifted(world.url, lambda document: document, status=500) as url:
        answered, *_ = await call(service, url)

    assert answered.verdict is Verdict.FIX
    assert answered.fix == "the provider is in trouble; ask again later"


async def test_page_instead_of_an_answer_is_told(world: Simulator) -> None:
    """As a captive network sends it, with status 200."""
    world.fault("scrapingbee", "html", times=1)
    try:
        answered, *_ = await call("pages", world.url)
    finally:
        world.fresh()

    assert (answered.verdict, answered.detail) == (Verdict.FIX, "the answer is no JSON")


@pytest.mark.parametrize(
    ("service", "name", "value", "says"),
    [
        ("serp", "credits_remaining", 0, "no credits are left"),
        ("pages", "used_api_credit", 10**9, "no credits are left"),
        ("enrichment", "domain", False, "the contract does not cover the domains of companies"),
        ("llm", "id", "gpt-0", "the model gpt-5.4-mini is not among those the key may use"),
    ],
)
async def test_account_that_cannot_do_the_work_is_to_be_fixed(
    service: str, name: str, value: object, says: str, world: Simulator
) -> None:
    """The key is right, the answer is as expected, and the pipeline would stop nevertheless."""

    def change(document: Any) -> Any:
        if isinstance(document, dict):
            return {k: value if k == name else change(v) for k, v in document.items()}
        return [change(one) for one in document] if isinstance(document, list) else document

    with drifted(world.url, change) as url:
        answered, *_ = await call(service, url)

    assert answered.verdict is Verdict.FIX
    assert says in answered.detail


def test_without_live_no_provider_is_called(world: Simulator, tmp_path: Path) -> None:
    """Whatever keys are set."""
    world.fresh()
    done = doctor("--data-dir", str(tmp_path), **environment(world.url), LANDSCAPE_GATEWAY__PORT="0")
    ledger = world.control("GET", "ledger")

    assert done.returncode == 0, done.stdout
    assert {name: page["calls"] for name, page in ledger.items()} == dict.fromkeys(ledger, 0)


def test_live_calls_each_configured_provider_once_and_shows_no_key(world: Simulator, tmp_path: Path) -> None:
    """For nothing where there is a call for nothing: one unit, one operation, and a token."""
    world.fresh()
    done = doctor(
        "--live", "--data-dir", str(tmp_path), **environment(world.url), LANDSCAPE_GATEWAY__PORT="0"
    )
    ledger = world.control("GET", "ledger")

    assert done.returncode == 0, done.stdout
    assert KEY not in done.stdout + done.stderr
    assert {name: page["calls"] for name, page in ledger.items()} == dict.fromkeys(ledger, 1)
    assert sum(page["units"] for page in ledger.values()) == 2
    assert done.stdout.count(" live ") == len(BY_SERVICE)


def test_live_calls_no_provider_without_a_key(world: Simulator, tmp_path: Path) -> None:
    """What is off is not asked."""
    world.fresh()
    done = doctor(
        "--live", "--data-dir", str(tmp_path), **environment(world.url, "serp"), LANDSCAPE_GATEWAY__PORT="0"
    )
    ledger = world.control("GET", "ledger")

    assert done.returncode == 0, done.stdout
    assert {name for name, page in ledger.items() if page["calls"]} == {"scale_serp"}


def test_live_with_a_refused_key_ends_with_1(world: Simulator, tmp_path: Path) -> None:
    """The others are asked all the same."""
    variables = environment(world.url)
    variables["LANDSCAPE_PROVIDERS__PAGES__API_KEY"] = "invalid-but-secret"
    done = doctor("--live", "--data-dir", str(tmp_path), **variables, LANDSCAPE_GATEWAY__PORT="0")

    assert done.returncode == exits.ERROR
    assert "  FIX  live scrapingbee: status 401 (Invalid api key: ***)" in done.stdout
    assert "invalid-but-secret" not in done.stdout
    assert done.stdout.endswith("1 to fix, see FIX above\n")


def test_live_without_any_key_calls_nobody(tmp_path: Path) -> None:
    """And says so."""
    done = doctor("--live", "--data-dir", str(tmp_path), LANDSCAPE_GATEWAY__PORT="0")

    assert done.returncode == 0, done.stdout
    assert "  note live: no provider has a key, so none was called" in done.stdout
