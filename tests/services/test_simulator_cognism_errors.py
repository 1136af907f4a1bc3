"""How the simulated Cognism refuses and fails: keys, routes, bodies, limits and faults."""

import re
from typing import Any

import httpx
import pytest

from tests.services.test_simulator_cognism import KEY, KNOWN, find, post, search
from tests.services.test_simulator_process import Simulator


def _error(answer: httpx.Response) -> dict[str, Any]:
    """The one entry of the list of errors."""
    (error,) = answer.json()
    assert set(error) == {"key", "code", "msg"}
    assert error["code"] == answer.status_code
    return dict(error)


def test_twenty_ids_are_the_most(sim: Simulator) -> None:
    """One more is refused; so is none at all, and both spellings together."""
    assert post(sim, "redeem", {"redeemIds": [f"id{n}" for n in range(20)]}).status_code == 200
    assert post(sim, "redeem", {"ids": ["one"]}).status_code == 200
    refused: list[dict[str, list[str]]] = [
        {"redeemIds": [f"id{n}" for n in range(21)]},
        {"redeemIds": []},
        {},
        {"redeemIds": ["a"], "ids": ["b"]},
        {"redeem_ids": ["a"]},
    ]
    for body in refused:
        answer = post(sim, "redeem", body)
        assert (answer.status_code, _error(answer)["key"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("path", "body", "query", "message"),
    [
        ("search", {}, {}, "domains"),
        ("search", {"domains": ["x"] * 1001}, {}, "1000"),
        ("search", {"names": ["x"] * 1001}, {}, "names"),
        ("search", {"domains": "globex.com"}, {}, "array"),
        ("search", {"domain": ["globex.com"]}, {}, "`domain`"),
        ("search", {"domains": ["x"], "accountSearchOptions": {"match_domain": True}}, {}, "match_domain"),
        ("search", {"domains": ["x"]}, {"indexSize": "19"}, "indexSize"),
        ("search", {"domains": ["x"]}, {"indexSize": "101"}, "indexSize"),
        ("search", {"domains": ["x"]}, {"indexSize": "many"}, "indexSize"),
        ("enrich", {"country": "Germany"}, {}, "domain"),
        ("enrich", {"domain": "x", "minMatchScore": 101}, {}, "100"),
        ("redeem", {"redeemIds": ["x"]}, {"mergePhonesAndLocations": "yes"}, "mergePhonesAndLocations"),
        ("redeem", [1], {}, "object"),
    ],
)
def test_wrong_request_is_refused(
    sim: Simulator, path: str, body: object, query: dict[str, str], message: str
) -> None:
    """400 in the list, naming what is wrong, free."""
    answer = post(sim, path, body, **query)
    assert answer.status_code == 400
    assert message in _error(answer)["msg"]
    page = sim.page("cognism")
    assert (page["calls"], page["units"], page["subjects"]) == (1, 0, 0)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer invalid-key"}, {"Authorization": "Basic x"}]
)
def test_wrong_key_is_refused_with_a_list(sim: Simulator, headers: dict[str, str]) -> None:
    """401, the error in an array at the top."""
    answer = sim.http.post(
        "/cognism/api/search/account/search", json={"domains": ["globex.com"]}, headers=headers
    )
    assert answer.status_code == 401
    assert _error(answer)["key"] == "MissingCredentials"


def test_key_may_stand_in_the_query(sim: Simulator) -> None:
    """Discouraged, yet possible."""
    path = "/cognism/api/search/account/redeem?api_key=secret"
    assert sim.http.post(path, json={"redeemIds": ["x"]}).status_code == 200


def test_unknown_route_is_refused_with_a_list(sim: Simulator) -> None:
    """404, also for a wrong method and a base without /search."""
    for method, path in (
        ("GET", "search/account/search"),
        ("POST", "account/search"),
        ("POST", "search/contact/search"),
    ):
        answer = sim.http.request(method, f"/cognism/api/{path}", headers=KEY)
        assert _error(answer)["key"] == "RouteNotFound"
        assert _error(answer)["code"] == 404


@pytest.mark.parametrize(
    ("fault", "status", "key"),
    [
        ("auth", 401, "MissingCredentials"),
        ("entitlement", 400, "BadRequest"),
        ("server_error", 500, "InternalServerError"),
    ],
)
def test_cognism_fails_with_a_list(sim: Simulator, fault: str, status: int, key: str) -> None:
    """Free of charge."""
    sim.fault("cognism", fault, times=1)
    answer = search(sim, KNOWN)
    assert answer.status_code == status
    assert _error(answer)["key"] == key
    page = sim.page("cognism")
    assert (page["units"], page["subjects"]) == (0, 0)
    assert search(sim, KNOWN).status_code == 200


def test_entitlement_fault_says_so(sim: Simulator) -> None:
    """The text tells it from a request that is wrong."""
    sim.fault("cognism", "entitlement")
    assert "subscribed entitlement" in _error(search(sim, KNOWN))["msg"]


def test_rate_limit_has_a_body_of_its_own_and_headers_on_some_accounts(sim: Simulator) -> None:
    """The delay in x-rate-limit-reset; with `seconds` 0 no header at all."""
    sim.fault("cognism", "rate_limit", seconds=12, times=1)
    sim.fault("cognism", "rate_limit", seconds=0, times=1)
    told, silent = search(sim, KNOWN), search(sim, KNOWN)
    for answer in (told, silent):
        assert answer.status_code == 429
        assert answer.json() == {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}
    assert told.headers["x-rate-limit-reset"] == "12"
    assert not [name for name in silent.headers if name.startswith("x-rate")]


def test_empty_is_a_success_without_results(sim: Simulator) -> None:
    """For each of the three; it looks like no match and is bought."""
    ids = [found["id"] for found in find(sim, KNOWN)]
    sim.fault("cognism", "empty")
    for path, body in (
        ("search", {"domains": KNOWN}),
        ("enrich", {"domain": "globex.com"}),
        ("redeem", {"redeemIds": ids}),
    ):
        answer = post(sim, path, body)
        assert (answer.status_code, answer.json()["results"]) == (200, [])
    assert sim.page("cognism")["units"] == 20 + 20 + 1


def test_published_sample_has_other_names_for_the_same(sim: Simulator) -> None:
    """`total`, `result`, `tech` and `location`."""
    body = {"redeemIds": [found["id"] for found in find(sim, KNOWN)]}
    usual = post(sim, "redeem", body).json()["results"]
    sim.fault("cognism", "published_sample")
    answer = post(sim, "redeem", body).json()
    assert set(answer) == {"total", "result"}
    for record, expected in zip(answer["result"], usual, strict=True):
        assert record.get("tech") == expected.get("technologies")
        assert record.get("location") == expected.get("locations")
    assert any("tech" in record for record in answer["result"])
    assert not any({"technologies", "locations"} & set(record) for record in answer["result"])


def test_edge_answers_with_a_page(sim: Simulator) -> None:
    """HTML, status 502, and the edge's own header."""
    sim.fault("cognism", "edge_error")
    answer = search(sim, KNOWN)
    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["CF-Ray"]


@pytest.mark.parametrize("fault", ["truncated_json", "html", "drop"])
def test_common_faults_strike_as_everywhere(sim: Simulator, fault: str) -> None:
    """An answer that cannot be used."""
    sim.fault("cognism", fault)
    with pytest.raises((httpx.TransportError, ValueError)):
        search(sim, KNOWN).json()
    assert sim.page("cognism")["subjects"] == 0


def test_requests_per_minute_are_enforced_when_set(sim: Simulator) -> None:
    """Headers tell what is left; the third of two is refused with the wait."""
    sim.control("POST", "settings", {"limits": {"cognism": {"requests_per_minute": 2}}})
    first, second, third = (search(sim, KNOWN) for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
    assert first.headers["x-rate-total-limit"] == "2"
    assert [first.headers["x-rate-limit-remaining"], second.headers["x-rate-limit-remaining"]] == ["1", "0"]
    assert third.json()["errors"][0]["code"] == 88
    assert 1 <= int(third.headers["x-rate-limit-reset"]) <= 60
    page = sim.page("cognism")
    assert (page["over_limit"], page["units"]) == (1, 40)


def test_used_up_allowance_is_told_in_the_headers(sim: Simulator) -> None:
    """None remaining, and a long wait; before that what remains."""
    sim.control("POST", "settings", {"limits": {"cognism": {"daily_units": 21}}})
    first = search(sim, KNOWN)
    assert first.headers["x-rate-result-limit-remaining"] == "1"
    post(sim, "enrich", {"domain": "globex.com"})
    refused = search(sim, KNOWN)
    assert refused.status_code == 429
    assert refused.headers["x-rate-result-limit-remaining"] == "0"
    assert re.fullmatch(r"\d{6,}", refused.headers["x-rate-result-limit-reset"])
    assert "x-rate-limit-reset" not in refused.headers
