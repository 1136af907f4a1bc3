"""Google Ads: our client's requests and rules against the published protobufs and Google's own client."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import httpx
import pytest

from services.keywords.provider import PROVIDER
from shared.domain.category import ErrorCategory, categorize
from shared.domain.provider import Request
from shared.domain.regions import REGIONS
from shared.domain.start import StartRequest
from shared.errors import StatusError
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from tests.contract.vendors import client_requests, discovery, google_ads, google_rpc, parameters
from tests.contract.vendors.google_ads import LATEST, VERSIONS
from tests.contract.vendors.simulated import Simulator, errors, process, sim
from tests.services.test_simulator_google_ads import ask
from tests.services.till import refusal

__all__ = ["process", "sim"]

C = ErrorCategory
FAILURE = f"type.googleapis.com/google.ads.googleads.{LATEST}.errors.GoogleAdsFailure"
#: Family of errors -> its HTTP status, and what it can mean.
FAMILIES: dict[str, tuple[int, set[ErrorCategory]]] = {
    "authenticationError": (401, {C.ACCOUNT}),
    "authorizationError": (403, {C.ACCOUNT}),
    "quotaError": (429, {C.THROTTLED, C.QUOTA, C.ACCOUNT}),
    "internalError": (500, {C.RECOVERABLE}),
    "keywordPlanIdeaError": (400, {C.NON_RECOVERABLE}),
    "collectionSizeError": (400, {C.NON_RECOVERABLE}),
    "stringLengthError": (400, {C.NON_RECOVERABLE}),
    "fieldError": (400, {C.NON_RECOVERABLE}),
    "dateRangeError": (400, {C.NON_RECOVERABLE}),
}
#: Of the token endpoint; the first three pass (google-auth's list), the others are RFC 6749's.
OAUTH_ERRORS = {
    "internal_failure", "server_error", "temporarily_unavailable",
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
}  # fmt: skip


@pytest.fixture
def official() -> Iterator[Any]:
    """How Google's client calls the token endpoint; it has no types."""
    with import_module("requests").Session() as session:
        session.trust_env = False
        yield import_module("google.auth.transport.requests").Request(session)


@pytest.fixture(scope="module")
def requests(process: Simulator) -> list[httpx.Request]:
    """What our client asks of some keywords, those among them that are too long, in every region there is."""
    process.fresh()
    keywords = (
        "running shoes",
        "Strasse",
        "straße",
        "x" * 81,
        " ".join("abcdefghijk"),
        "chaussures d'été",
        "跑步鞋",
    )
    start = StartRequest(keywords=keywords, regions=tuple(REGIONS))
    return client_requests.kept(process, "keywords", start, at_most=len(keywords) * len(REGIONS))


@pytest.mark.parametrize("version", VERSIONS)
def test_client_sends_the_published_request(requests: list[httpx.Request], version: str) -> None:
    """Every field known, nothing written that protobuf would leave out or write otherwise."""
    for request in requests:
        sent = json.loads(request.content)
        assert google_rpc.parse(request.content, google_ads.request(version)) == sent


def test_client_keeps_the_limits(requests: list[httpx.Request]) -> None:
    """One place per call, for figures of several are one number; resource names; keywords as long as are taken."""
    assert len({json.loads(request.content)["geoTargetConstants"][0] for request in requests}) == len(REGIONS)
    for request in requests:
        sent = json.loads(request.content)
        (place,) = sent["geoTargetConstants"]
        assert re.fullmatch(r"geoTargetConstants/2\d{3}", place)
        assert re.fullmatch(r"languageConstants/1\d{3}", sent.get("language", "languageConstants/1000"))
        assert 0 < len(sent["keywords"]) <= 10_000
        assert all(0 < len(keyword) <= 80 and len(keyword.split()) <= 10 for keyword in sent["keywords"])


def test_client_calls_the_published_method(requests: list[httpx.Request]) -> None:
    """The version is one that is alive, the customer ten digits; no token of a developer, which is obsolete."""
    for request in requests:
        found = re.fullmatch(r"/(v\d+)/customers/\d{10}:generateKeywordHistoricalMetrics", request.url.path)
        assert found
        assert found[1] in VERSIONS
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Authorization"].startswith("Bearer ")
        assert "developer-token" not in request.headers
        # These are the same for all APIs of Google.
        assert (
            parameters.misfits(dict(request.url.params.multi_items()), discovery.document()["parameters"])
            == []
        )


def test_rules_name_published_errors() -> None:
    """Families and values, or what goes by another name: reasons, and what the runtime and the token endpoint say."""
    families = google_ads.error_codes(LATEST)
    read = [path.rpartition("errorCode.")[2] for path in PROVIDER.error_codes if "errorCode." in path]
    values = frozenset().union(*(families[family] for family in read))
    other = {*google_rpc.REASONS, "stale_token", *OAUTH_ERRORS}

    assert read
    for rule in PROVIDER.errors:
        assert rule.code is None or rule.code in values or rule.code in other


@pytest.mark.parametrize("fault", errors("google_ads"))
def test_rules_read_every_family_that_is_told(sim: Simulator, fault: str) -> None:
    """Else a code would be there and not be seen."""
    sim.fault("google_ads", fault)
    told = {
        family
        for detail in ask(sim).json()["error"].get("details", [])
        for error in detail.get("errors", [])
        for family in error["errorCode"]
    }

    assert told <= {path.rpartition(".")[2] for path in PROVIDER.error_codes}


@pytest.mark.anyio
@pytest.mark.parametrize("family", FAMILIES)
async def test_every_published_error_of_a_family_is_understood(family: str) -> None:
    """Also those that no rule names: none of an account's troubles costs an item, none of an item's closes the gate."""
    status, expected = FAMILIES[family]
    for value in google_ads.error_codes(LATEST)[family] - {"UNSPECIFIED"}:
        detail = {"@type": FAILURE, "errors": [{"errorCode": {family: value}, "message": "Told."}]}
        body = {"error": {"code": status, "message": "Told.", "details": [detail]}}
        rule, _ = await refusal(PROVIDER, httpx.Response(status, json=body))
        assert rule.category in expected, value


def test_token_endpoint_is_what_googles_client_expects(sim: Simulator, official: Any) -> None:
    """The official client gets a token there, and the API takes it."""
    credentials = import_module("google.oauth2.credentials").Credentials(
        None, refresh_token="1//r", token_uri=f"{sim.url}/oauth/token", client_id="id", client_secret="secret"
    )
    credentials.refresh(official)

    assert credentials.valid
    assert ask(sim, headers={"Authorization": f"Bearer {credentials.token}"}).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("fault", errors("oauth"))
async def test_rules_agree_with_googles_client(sim: Simulator, official: Any, fault: str) -> None:
    """What it would try again we try again, what it gives up closes the gate; both ask the same simulator."""
    sim.fault("oauth", fault)
    url = f"{sim.url}/oauth/token"
    client = import_module("google.oauth2._client")
    with pytest.raises(import_module("google.auth.exceptions").RefreshError) as given_up:
        client.refresh_grant(official, url, "1//r", "id", "secret", can_retry=False)
    account = Account("", Client(url, "id", "secret", "1//r"), {"customer_id": "1234567890"})
    wire = Wire(replace(PROVIDER, base_url=f"{sim.url}/googleads"), account, 1, "httpx")
    with pytest.raises(StatusError) as ours:
        await wire.send(Request("/any"))
    await wire.aclose()

    passes = (C.RECOVERABLE, C.THROTTLED)
    assert (categorize(ours.value, PROVIDER.errors).category in passes) == given_up.value.retryable
