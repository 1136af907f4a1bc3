"""Cognism: the simulator's answers and our client's requests against the vendor's documentation."""

import json
from typing import Any

import httpx
import pytest

from services.enrichment.provider import PROVIDER
from shared.domain.start import StartRequest
from tests.contract.vendors import client_requests, parameters, shape
from tests.contract.vendors.documented import documented
from tests.contract.vendors.simulated import Simulator, errors, process, sim
from tests.services.test_simulator_cognism import post, search

__all__ = ["process", "sim"]

VENDOR = documented("cognism")
#: Fault of the simulator -> what the vendor documents.
FAULTS = {
    "auth": "credentials",
    "entitlement": "entitlement",
    "rate_limit": "too fast",
    "allowance": "allowance",
    "server_error": "internal error",
    "edge_error": "edge",
}
WRONG: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "no terms": ("search", {}, {}),
    "unknown field": ("search", {"domain": ["a.example"]}, {}),
    "too many terms": ("search", {"domains": [f"a{n}.example" for n in range(1001)]}, {}),
    "page too small": ("search", {"domains": ["a.example"]}, {"indexSize": "19"}),
    "page too large": ("search", {"domains": ["a.example"]}, {"indexSize": "101"}),
    "nothing to enrich": ("enrich", {"city": "London"}, {}),
    "no ids": ("redeem", {"redeemIds": []}, {}),
    "too many ids": ("redeem", {"redeemIds": [str(n) for n in range(21)]}, {}),
    "both kinds of ids": ("redeem", {"redeemIds": ["1"], "ids": ["1"]}, {}),
}


def body_misfits(path: str, body: dict[str, Any]) -> list[str]:
    """What of a body is not documented for the call; one of some fields must be given."""
    row = VENDOR["calls"][path]
    found = shape.misfits(body, row["body"], VENDOR["shapes"])
    return found + ["none of the fields it needs"] * (not set(row["one_of"]) & body.keys())


@pytest.fixture(scope="module")
def domains(process: Simulator) -> list[str]:
    """The domains of some searches."""
    process.fresh()
    found: dict[str, None] = {}
    for number in range(20):
        for result in process.search(f"word {number}").json().get("organic_results", []):
            found[result["domain"].removeprefix("www.")] = None
    return list(found)


@pytest.fixture(scope="module")
def ids(process: Simulator, domains: list[str]) -> list[str]:
    """The ids of the companies there."""
    process.fresh()
    pages = [search(process, domains[n : n + 20]).json()["results"] for n in range(0, len(domains), 20)]
    return [preview["id"] for page in pages for preview in page]


def test_search_has_the_documented_shape(sim: Simulator, domains: list[str]) -> None:
    """Previews tell what there is by flags, and no values; a page without a match is empty."""
    for n in range(0, len(domains), 20):
        assert VENDOR.misfits(search(sim, domains[n : n + 20]).json(), "search") == []
    nobody = search(sim, ["nobody-is-here.example"]).json()

    assert VENDOR.misfits(nobody, "search") == []
    assert nobody["results"] == []


def test_enrichment_has_the_documented_shape(sim: Simulator, domains: list[str]) -> None:
    """With a match and without."""
    found = [post(sim, "enrich", {"domain": domain}).json() for domain in [*domains[:50], "nobody.example"]]

    assert [misfit for body in found for misfit in VENDOR.misfits(body, "enrich")] == []
    assert {bool(body["results"]) for body in found} == {True, False}


@pytest.mark.parametrize("merged", ["true", "false"])
def test_redemption_has_the_documented_shape(sim: Simulator, ids: list[str], merged: str) -> None:
    """Every field of the table that the account has bought is seen, and none beside."""
    seen: set[str] = set()
    for n in range(0, len(ids), 20):
        answer = post(sim, "redeem", {"redeemIds": ids[n : n + 20]}, mergePhonesAndLocations=merged)
        assert VENDOR.misfits(answer.json(), "redeem") == []
        seen |= {name for record in answer.json()["results"] for name in record}

    usual = {
        "domain",
        "industries",
        "description",
        "founded",
        "revenue",
        "headcount",
        "technologies",
        "locations",
    }
    assert seen >= {"id", "name", "linkedinUrl", "sizeFrom", "sizeTo", "officePhoneNumbers", *usual}


def test_published_samples_differ(sim: Simulator, ids: list[str]) -> None:
    """The vendor's samples name the lists otherwise than its description does: both are documented."""
    sim.fault("cognism", "published_sample")
    body = post(sim, "redeem", {"redeemIds": ids[:20]}).json()

    assert VENDOR.misfits(body, "redeem as in samples") == []
    assert any({"tech", "location"} & record.keys() for record in body["result"])


def test_entitlement_has_the_documented_shape(sim: Simulator) -> None:
    """Its key holds a blank."""
    path = "/cognism/api/search/entitlement/accountEntitlementSubscription"
    answer = sim.http.get(path, headers={"Authorization": "Bearer secret"})

    assert VENDOR.misfits(answer.json(), "entitlement") == []


@pytest.mark.parametrize("fault", errors("cognism"))
def test_fault_is_the_documented_refusal(sim: Simulator, fault: str) -> None:
    """Lists of errors and the one object; what headers tell are whole numbers."""
    sim.fault("cognism", fault)
    answer = search(sim, ["a.example"])

    assert VENDOR.mismatch(answer, FAULTS[fault]) == []
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-rate-")}
    assert told.keys() <= set(VENDOR["headers"])
    assert all(value.isdigit() for value in told.values())


@pytest.mark.parametrize("wrong", WRONG)
def test_undocumented_request_is_refused(sim: Simulator, wrong: str) -> None:
    """What the tables do not allow the simulator does not either."""
    path, body, query = WRONG[wrong]
    row = VENDOR["calls"][f"/search/account/{path}"]
    both = {"redeemIds", "ids"} <= body.keys()

    assert body_misfits(f"/search/account/{path}", body) or parameters.misfits(query, row["query"]) or both
    assert VENDOR.mismatch(post(sim, path, body, **query), "wrong body") == []


def test_key_and_path_are_refused_as_documented(sim: Simulator) -> None:
    """Before anything else; a path is looked at first."""
    keyless = sim.http.post("/cognism/api/search/account/search", json={"domains": ["a.example"]})

    assert VENDOR.mismatch(keyless, "credentials") == []
    assert VENDOR.mismatch(sim.http.get("/cognism/api/search/account/nowhere"), "wrong path") == []


@pytest.fixture(scope="module")
def requests(process: Simulator) -> list[httpx.Request]:
    """What our client asks about the domains of some searches, in the ordinary way and where pages overflow."""
    process.fresh()
    start = StartRequest(
        keywords=tuple(f"word {n}" for n in range(20)), regions=("US", "DE"), content_types=("organic",)
    )
    return client_requests.kept(process, "enrichment", start, at_most=200)


def test_client_makes_documented_calls(requests: list[httpx.Request]) -> None:
    """Path, parameters and body are in the tables, with no more terms or ids than are taken."""
    assert {request.url.path.removeprefix("/api") for request in requests} >= {
        "/search/account/search",
        "/search/account/redeem",
    }
    for request in requests:
        url = str(request.url.copy_with(query=None))
        path = url.removeprefix(VENDOR["base_url"])
        assert (request.method, url) == ("POST", VENDOR["base_url"] + path)
        assert (
            parameters.misfits(dict(request.url.params.multi_items()), VENDOR["calls"][path]["query"]) == []
        )
        assert body_misfits(path, json.loads(request.content)) == []


def test_client_shows_its_key_in_the_header_alone(requests: list[httpx.Request]) -> None:
    """A bearer token, and JSON."""
    for request in requests:
        assert request.headers["Authorization"].startswith("Bearer ")
        assert request.headers["Content-Type"] == "application/json"


def test_rules_know_every_documented_header() -> None:
    """A header of another name would never come."""
    assert {*PROVIDER.error_headers, *PROVIDER.retry_after_headers} <= set(VENDOR["headers"])
