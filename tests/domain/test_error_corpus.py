"""Every row of the six providers' error tables, as an answer on the wire, is classified as it is labelled.

`tests/payloads/error_corpus.json` is data, so that a row can be added without code: the service, the answer
(`status`, `headers`, `body`; or how the connection `fails`), and its category. `none` means that it is no
error at all, at most less than was asked for. `token` says what becomes of the access token: `kept` was got
earlier, `refused` makes the answer one of the token endpoint.
"""

import importlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.enrichment.provider import SEARCH as COMPANIES
from services.keywords import provider as keywords
from services.llm import payloads as analyses
from services.media.provider import VIDEOS
from services.pages.provider import PAGE
from services.serp.provider import SEARCH
from shared.domain.category import ErrorRule, categorize
from shared.domain.error_rule import declared, in_force
from shared.domain.phases import SERVICES
from shared.domain.provider import Endpoint, Provider, Request
from shared.errors import ProviderError
from shared.runtime.exchange import read_answer
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from shared.store.retry_history import Attempt, Recorded
from tests.services.till import API_KEY, OAUTH_URL, SETTING

pytestmark = pytest.mark.anyio

CORPUS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "payloads/error_corpus.json").read_text()
)
FAILURES: dict[str, Exception] = {
    "connect": httpx.ConnectError("refused"),
    "reset": httpx.ReadError("reset by peer"),
    "timeout": TimeoutError(),
}


def _read_analysis(body: bytes, subjects: Sequence[str]) -> Mapping[str, Any]:
    return {subjects[0]: analyses.read(body, (), ())}


_ANALYSIS: Endpoint[Any] = replace(SEARCH, read=_read_analysis)
#: How a service reads a good answer, and what for.
READERS: dict[str, tuple[Endpoint[Any], str]] = {
    "serp": (SEARCH, '["x","US","organic"]'),
    "keywords": (keywords._metrics({'["x","US"]': "x"}), '["x","US"]'),
    "enrichment": (COMPANIES, "a.example"),
    "media": (VIDEOS, "aaaaaaaaaaa"),
    "pages": (PAGE, "a.example/"),
    "llm": (_ANALYSIS, "a.example/"),
}

each_case = pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case['service']}: {case['case']}")


def provider_of(service: str) -> Provider:
    provider: Provider = importlib.import_module(f"services.{service}.provider").PROVIDER
    return provider


@dataclass
class Vendor:
    """Answers as the case says; a token that is `kept` is got with a good answer before."""

    case: dict[str, Any]
    broken: bool = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        token = self.case.get("token", "")
        if request.url == OAUTH_URL and token != "refused":
            return httpx.Response(200, json={"access_token": API_KEY, "expires_in": 3599})
        if not self.broken:
            return httpx.Response(200, json={})
        if failure := self.case.get("fails"):
            raise FAILURES[failure]
        body = self.case.get("body", "")
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return httpx.Response(self.case["status"], headers=self.case.get("headers"), content=content)


async def met(case: dict[str, Any]) -> ProviderError | None:
    """What the wire, or the reading, makes of the answer; None when it is no error."""
    provider, vendor = provider_of(case["service"]), Vendor(case)
    endpoint, subject = READERS[case["service"]]
    client = Client(OAUTH_URL, "client", "client secret", "refresh token")
    settings = {name: default or SETTING for name, default in provider.settings.items()}
    wire = Wire(provider, Account(API_KEY, client, settings), 1, httpx.MockTransport(vendor))
    if case.get("token") == "kept":
        await wire.send(Request("/any"))
    vendor.broken = True
    try:
        status, body = await wire.send(Request("/any"), endpoint.answers)
    except ProviderError as error:
        return error
    try:
        read_answer(endpoint, status, body, [subject])
    except ProviderError as error:
        error.status = status
        return error
    return None


def classified(case: dict[str, Any], error: ProviderError | None, rules: tuple[ErrorRule, ...]) -> str:
    return "none" if error is None else categorize(error, rules).category.value


@each_case
async def test_every_case_is_classified_as_labelled(case: dict[str, Any]) -> None:
    """By the provider's declaration, with the attempts, the delay and the moment the table has."""
    provider, error = provider_of(case["service"]), await met(case)

    assert classified(case, error, provider.errors) == case["category"]
    if error is None:
        return
    rule = categorize(error, provider.errors)
    if "attempts" in case:
        assert rule.policy(provider.retry).attempts == case["attempts"]
    assert error.retry_after == case.get("retry_after")
    assert rule.until == case.get("until")


async def test_rules_out_of_the_record_classify_alike() -> None:
    """What is declared, written to rows and read again, means the same for every case."""
    rules = {service: in_force(list(declared(provider_of(service)).values())) for service in SERVICES}

    different = [
        case["case"] for case in CORPUS if classified(case, await met(case), rules[case["service"]]) != case["category"]
    ]  # fmt: skip

    assert different == []


async def test_errors_keep_their_category_through_history() -> None:
    """What a dry run reclassifies is what was met: status, codes, kind and the start of the body are enough."""
    for case in CORPUS:
        if (error := await met(case)) is not None:
            attempt = Attempt.of(1, case["category"], str(error), error)
            kept = Recorded(str(attempt.kind), attempt.status, list(attempt.codes), attempt.body, 1)
            rules = provider_of(case["service"]).errors
            assert categorize(kept.error(), rules) == categorize(error, rules), case["case"]


def test_the_corpus_covers_every_service_and_category() -> None:
    """Sixty cases at least, each once, and none that no code reads."""
    names = Counter((case["service"], case["case"]) for case in CORPUS)
    fields = {field for case in CORPUS for field in case}
    assert len(names) == len(CORPUS) >= 60
    assert {service for service, _ in names} == set(READERS) == set(SERVICES)
    assert {case["category"] for case in CORPUS} == {
        "recoverable", "throttled", "quota", "account", "non_recoverable", "none",
    }  # fmt: skip
    assert fields <= {
        "service", "case", "category", "status", "headers", "body", "fails", "token", "attempts", "retry_after", "until",
    }  # fmt: skip
