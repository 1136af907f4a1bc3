"""How the simulated Google Ads refuses and fails: addresses, tokens, bodies, quotas and faults."""

from typing import Any

import httpx
import pytest

from tests.services.test_simulator_google_ads import METHOD, US, ask, token
from tests.services.test_simulator_process import Simulator


def codes(answer: httpx.Response) -> list[dict[str, str]]:
    """The error codes of the GoogleAdsFailure, none when there is no such thing."""
    found = answer.json()["error"].get("details", [])
    return [
        error["errorCode"]
        for detail in found
        if detail["@type"].endswith(".errors.GoogleAdsFailure")
        for error in detail["errors"]
    ]


def _location(answer: httpx.Response) -> list[dict[str, Any]]:
    (error,) = answer.json()["error"]["details"][0]["errors"]
    found = error["location"]["fieldPathElements"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": "v22"}, {"requestError": "UNSUPPORTED_VERSION"}),
        ({"version": "v27"}, {"requestError": "UNSUPPORTED_VERSION"}),
        ({"customer": "123-456-7890"}, {"requestError": "INVALID_CUSTOMER_ID"}),
        ({"customer": "12345"}, {"requestError": "INVALID_CUSTOMER_ID"}),
    ],
)
def test_wrong_address_is_refused(sim: Simulator, changes: dict[str, Any], code: dict[str, str]) -> None:
    """Version and customer are configuration: 400 with the code."""
    answer = ask(sim, **changes)
    assert answer.status_code == 400
    assert codes(answer) == [code]


def test_wrong_login_customer_is_refused(sim: Simulator) -> None:
    """Digits only."""
    headers = {"Authorization": f"Bearer {token(sim)}", "login-customer-id": "123-456-7890"}
    assert codes(ask(sim, headers=headers)) == [{"headerError": "INVALID_LOGIN_CUSTOMER_ID"}]


def test_other_methods_are_not_found(sim: Simulator) -> None:
    """404 in the envelope."""
    for method, path in (
        ("GET", f"v26/customers/1234567890:{METHOD}"),
        ("POST", "v26/customers/1234567890:generate"),
        ("POST", "v26/customers"),
    ):
        answer = sim.http.request(method, f"/googleads/{path}")
        assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "code", "location"),
    [
        ({"keywords": []}, {"collectionSizeError": "TOO_FEW"}, [{"fieldName": "keywords"}]),
        ({"keywords": ["x"] * 10_001}, {"collectionSizeError": "TOO_MANY"}, [{"fieldName": "keywords"}]),
        (
            {"geoTargetConstants": [f"geoTargetConstants/{number}" for number in range(2004, 2015)]},
            {"collectionSizeError": "TOO_MANY"},
            [{"fieldName": "geo_target_constants"}],
        ),
        (
            {"geoTargetConstants": [US, "2826"]},
            {"requestError": "RESOURCE_NAME_MALFORMED"},
            [{"fieldName": "geo_target_constants", "index": 1}],
        ),
        (
            {"geoTargetConstants": ["geoTargetConstants/84"]},
            {"requestError": "BAD_RESOURCE_ID"},
            [{"fieldName": "geo_target_constants", "index": 0}],
        ),
        ({"language": "en"}, {"requestError": "RESOURCE_NAME_MALFORMED"}, [{"fieldName": "language"}]),
        (
            {"language": "languageConstants/7"},
            {"requestError": "BAD_RESOURCE_ID"},
            [{"fieldName": "language"}],
        ),
        (
            {"keywords": ["anvil", "x" * 81]},
            {"keywordPlanIdeaError": "INVALID_VALUE"},
            [{"fieldName": "keywords", "index": 1}],
        ),
        (
            {"keywords": ["a b c d e f g h i j k"]},
            {"keywordPlanIdeaError": "INVALID_VALUE"},
            [{"fieldName": "keywords", "index": 0}],
        ),
        (
            {"historicalMetricsOptions": {"yearMonthRange": {"start": {"year": 2026, "month": "MAY"}}}},
            {"requestError": "REQUIRED_FIELD_MISSING"},
            [
                {"fieldName": "historical_metrics_options"},
                {"fieldName": "year_month_range"},
                {"fieldName": "end"},
            ],
        ),
        (
            {
                "historicalMetricsOptions": {
                    "yearMonthRange": {
                        "start": {"year": 2026, "month": "MAY"},
                        "end": {"year": 2026, "month": "APRIL"},
                    }
                }
            },
            {"dateRangeError": "START_DATE_AFTER_END_DATE"},
            [{"fieldName": "historical_metrics_options"}, {"fieldName": "year_month_range"}],
        ),
    ],
)
def test_wrong_value_is_refused_where_it_stands(
    sim: Simulator, body: dict[str, Any], code: dict[str, str], location: list[dict[str, Any]]
) -> None:
    """400 with the code and the path; it counts as an operation and sells nothing."""
    answer = ask(sim, **body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert codes(answer) == [code]
    assert _location(answer) == location
    page = sim.page("google_ads")
    assert (page["units"], page["subjects"]) == (1, 0)


def test_every_wrong_keyword_is_named(sim: Simulator) -> None:
    """Several errors at once, each with its index, so that the rest can be asked again."""
    answer = ask(sim, keywords=["ok", " ", "fine", "y" * 100])
    (failure,) = answer.json()["error"]["details"]
    indexes = [error["location"]["fieldPathElements"][0]["index"] for error in failure["errors"]]
    assert indexes == [1, 3]
    assert failure["requestId"] == answer.headers["request-id"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"keyword": ["x"]}, None, 'Unknown name "keyword"'),
        (
            {"historicalMetricsOptions": {"includeCpc": True}},
            "historical_metrics_options",
            'Unknown name "includeCpc"',
        ),
        ({"keywords": ["x", 5]}, "keywords[1]", "Invalid value at 'keywords[1]' (TYPE_STRING), 5"),
        ({"keywordPlanNetwork": "BING"}, "keyword_plan_network", '"BING"'),
        ({"includeAdultKeywords": "yes"}, "include_adult_keywords", "TYPE_BOOL"),
        ({"aggregateMetrics": []}, "aggregate_metrics", "Expected an object"),
        (
            {"historicalMetricsOptions": {"yearMonthRange": {"start": {"year": "soon"}}}},
            "historical_metrics_options.year_month_range.start.year",
            "TYPE_INT64",
        ),
    ],
)
def test_body_that_does_not_fit_the_message_is_refused(
    sim: Simulator, body: dict[str, Any], field: str | None, message: str
) -> None:
    """400 with a BadRequest that names the field; no GoogleAdsFailure, for it never got so far."""
    answer = ask(sim, **body)
    assert answer.status_code == 400
    (detail,) = answer.json()["error"]["details"]
    assert detail["@type"].endswith("google.rpc.BadRequest")
    (violation,) = detail["fieldViolations"]
    assert violation.get("field") == field
    assert message in violation["description"]
    assert sim.page("google_ads")["units"] == 1


def test_body_that_is_no_json_is_refused(sim: Simulator) -> None:
    """400, whatever it is."""
    for content in (b"", b"{", b"[1]", b'"text"'):
        answer = sim.http.post(
            f"/googleads/v26/customers/1234567890:{METHOD}",
            content=content,
            headers={"Authorization": f"Bearer {token(sim)}"},
        )
        assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("fault", "status", "values"),
    [
        ("qps", 429, ["RESOURCE_TEMPORARILY_EXHAUSTED"]),
        ("rate_limit", 429, ["RESOURCE_EXHAUSTED"]),
        ("short_term", 429, ["EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION"]),
        ("quota_daily", 429, ["RESOURCE_EXHAUSTED"]),
        ("long_term", 429, ["EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION"]),
        ("access_prohibited", 403, ["ACCESS_PROHIBITED"]),
        ("token_expired", 401, ["OAUTH_TOKEN_EXPIRED"]),
        ("token_revoked", 401, ["OAUTH_TOKEN_REVOKED"]),
        ("unauthenticated", 401, []),
        ("permission_denied", 403, ["USER_PERMISSION_DENIED"]),
        ("project_not_approved", 403, ["CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION"]),
        ("several_errors", 403, ["RESOURCE_TEMPORARILY_EXHAUSTED", "USER_PERMISSION_DENIED"]),
        ("conflict", 409, ["CONCURRENT_MODIFICATION"]),
        ("server_error", 500, ["INTERNAL_ERROR"]),
        ("transient_error", 500, ["TRANSIENT_ERROR"]),
        ("unavailable", 503, []),
        ("deadline", 504, ["DEADLINE_EXCEEDED"]),
    ],
)
def test_google_ads_fails_in_its_envelope(sim: Simulator, fault: str, status: int, values: list[str]) -> None:
    """Code, status, and the errors with one key each; free of charge, and over after once."""
    sim.fault("google_ads", fault, times=1)
    answer = ask(sim)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
    assert [value for code in codes(answer) for value in code.values()] == values
    page = sim.page("google_ads")
    assert (page["units"], page["subjects"], page["faults_injected"]) == (0, 0, 1)
    assert ask(sim).status_code == 200


@pytest.mark.parametrize(
    ("fault", "conditions", "delay", "rate"),
    [
        ("quota_daily", {}, "8962s", "Number of operations"),
        ("quota_daily", {"seconds": 90}, "90s", "Number of operations"),
        ("qps", {}, "1s", "per second"),
        ("rate_limit", {"seconds": 0.5}, "0.5s", "per second"),
    ],
)
def test_delay_of_a_quota_stands_in_the_body(
    sim: Simulator, fault: str, conditions: dict[str, float], delay: str, rate: str
) -> None:
    """As a duration, beside the name of the rate; no Retry-After."""
    sim.fault("google_ads", fault, **conditions)
    answer = ask(sim)
    (error,) = answer.json()["error"]["details"][0]["errors"]
    details = error["details"]["quotaErrorDetails"]
    assert details["retryDelay"] == delay
    assert rate in details["rateName"]
    assert "Retry-After" not in answer.headers


def test_no_results_is_an_answer_that_is_paid(sim: Simulator) -> None:
    """An empty object."""
    sim.fault("google_ads", "no_results")
    assert ask(sim).json() == {}
    page = sim.page("google_ads")
    assert (page["units"], page["subjects"]) == (1, 1)


def test_fault_strikes_the_call_that_asks_for_the_keyword(sim: Simulator) -> None:
    """By part of a subject."""
    sim.fault("google_ads", "server_error", key="keyword=hammer geo=2840")
    statuses = [ask(sim, keywords=words).status_code for words in (["anvil"], ["anvil", "hammer"])]
    assert statuses == [200, 500]


@pytest.mark.parametrize("fault", ["truncated_json", "html", "drop"])
def test_common_faults_strike_as_everywhere(sim: Simulator, fault: str) -> None:
    """An answer that cannot be used."""
    sim.fault("google_ads", fault)
    with pytest.raises((httpx.TransportError, ValueError)):
        ask(sim).json()
    assert sim.page("google_ads")["subjects"] == 0


def test_one_request_a_second_is_enforced_when_it_is_set(sim: Simulator) -> None:
    """Without the limit ten at once pass; with it the second is told to wait a second."""
    headers = {"Authorization": f"Bearer {token(sim)}"}
    assert {ask(sim, headers=headers).status_code for _ in range(10)} == {200}
    sim.control("POST", "settings", {"limits": {"google_ads": {"requests_per_second": 0.01}}})
    assert ask(sim, headers=headers).status_code == 200
    refused = ask(sim, headers=headers)
    assert refused.status_code == 429
    (error,) = refused.json()["error"]["details"][0]["errors"]
    assert error["details"]["quotaErrorDetails"]["retryDelay"] == "1s"
    assert sim.page("google_ads")["over_limit"] == 1


def test_used_up_operations_of_the_day_are_told_as_such(sim: Simulator) -> None:
    """The rate's name says operations, the delay is long."""
    sim.control("POST", "settings", {"limits": {"google_ads": {"daily_units": 1}}})
    assert ask(sim).status_code == 200
    refused = ask(sim)
    (error,) = refused.json()["error"]["details"][0]["errors"]
    quota = error["details"]["quotaErrorDetails"]
    assert quota["rateName"] == "Number of operations for explorer access"
    assert int(quota["retryDelay"].removesuffix("s")) > 3600
    assert sim.page("google_ads")["units"] == 1
