"""Google Ads: the simulator's answers against the published protobufs of every version."""

import json
from typing import Any

import httpx
import pytest

from tests.contract.vendors import google_ads, google_rpc
from tests.contract.vendors.google_ads import LATEST, VERSIONS
from tests.contract.vendors.simulated import Simulator, errors, process, sim
from tests.services.test_simulator_google_ads import US, ask, token

__all__ = ["process", "sim"]

#: Enough that every kind of result is among them, in pairs that are merged.
MANY = [word for number in range(200) for word in (f"shoe {number}", f"shoes {number}")]
EVERYTHING: dict[str, Any] = {
    "keywords": MANY,
    "language": "languageConstants/1000",
    "geoTargetConstants": [US],
    "keywordPlanNetwork": "GOOGLE_SEARCH",
    "includeAdultKeywords": False,
    "historicalMetricsOptions": {
        "yearMonthRange": {
            "start": {"year": "2025", "month": "JANUARY"},
            "end": {"year": "2026", "month": "OCTOBER"},
        },
        "includeAverageCpc": True,
    },
    "aggregateMetrics": {"aggregateMetricTypes": ["DEVICE"]},
}
WRONG: dict[str, dict[str, Any]] = {
    "version": {"version": "v22"},
    "customer": {"customer": "123-456-7890"},
    "login customer": {"headers": {"login-customer-id": "x"}},
    "unknown token": {"headers": {"Authorization": "Bearer x"}},
    "no token": {"headers": {"Authorization": ""}},
    "unknown field": {"keyword": "x"},
    "wrong enum": {"keywordPlanNetwork": "BING"},
    "no keywords": {"keywords": []},
    "keyword too long": {"keywords": ["anvil", "x" * 81]},
    "too many places": {"geoTargetConstants": [f"geoTargetConstants/{2000 + n}" for n in range(11)]},
    "malformed place": {"geoTargetConstants": ["US"]},
    "months backwards": {
        "historicalMetricsOptions": {
            "yearMonthRange": {
                "start": {"year": 2026, "month": "MAY"},
                "end": {"year": 2025, "month": "MAY"},
            }
        }
    },
}


def failures(answer: httpx.Response) -> list[dict[str, Any]]:
    """The details of an error, each of which is exactly what its type says."""
    google_ads.load_errors()
    error = answer.json()["error"]
    assert error.keys() <= {"code", "message", "status", "details"}
    assert (error["code"], google_rpc.HTTP_STATUS[error["status"]]) == 2 * (answer.status_code,)
    details: list[dict[str, Any]] = error.get("details", [])
    for detail in details:
        assert google_rpc.detail(detail) == detail
        assert detail.get("requestId") in (None, answer.headers["request-id"])
        assert detail.get("reason") in (None, *google_rpc.REASONS)
    return details


def test_versions_are_those_of_the_package(sim: Simulator) -> None:
    """Neither the one that has ended nor the one to come."""
    around = [f"v{number}" for number in range(int(VERSIONS[0][1:]) - 1, int(LATEST[1:]) + 2)]

    assert [version for version in around if ask(sim, version=version).status_code == 200] == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_metrics_are_the_published_message(sim: Simulator, version: str) -> None:
    """Every field known, 64 bits in quotes, nothing written that protobuf would leave out."""
    answer = ask(sim, version=version, **EVERYTHING)

    assert answer.status_code == 200
    assert google_rpc.parse(answer.content, google_ads.response(version)) == answer.json()
    results = answer.json()["results"]
    assert {name for result in results for name in result} == {"text", "closeVariants", "keywordMetrics"}
    assert any("keywordMetrics" not in result for result in results)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_simulator_takes_is_the_published_request(sim: Simulator, version: str) -> None:
    """The most that it accepts is no more than there is."""
    assert google_rpc.parse(json.dumps(EVERYTHING), google_ads.request(version))
    assert ask(sim, version=version, **EVERYTHING).status_code == 200


def test_nothing_known_is_the_empty_message(sim: Simulator) -> None:
    """Without `results`, not with an empty list."""
    sim.fault("google_ads", "no_results")
    answer = ask(sim)

    assert google_rpc.parse(answer.content, google_ads.response(LATEST)) == answer.json() == {}


@pytest.mark.parametrize("fault", errors("google_ads"))
def test_fault_is_the_published_error(sim: Simulator, fault: str) -> None:
    """Status, family, value, location and quota, as the messages have them."""
    sim.fault("google_ads", fault)
    answer = ask(sim)

    assert answer.status_code >= 400
    failures(answer)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", WRONG)
def test_refusal_is_the_published_error(sim: Simulator, version: str, wrong: str) -> None:
    """What is wrong in a request is told in the messages of the version that was asked."""
    request = {"version": version, **WRONG[wrong]}
    headers = {"Authorization": f"Bearer {token(sim)}", **request.pop("headers", {})}
    answer = ask(sim, headers=headers, **request)

    assert 400 <= answer.status_code < 500
    types = [detail["@type"].rpartition("/")[2] for detail in failures(answer)]
    asked = LATEST if wrong == "version" else version
    assert len(types) == 1
    assert types[0].startswith(("google.rpc.", f"google.ads.googleads.{asked}.errors."))
