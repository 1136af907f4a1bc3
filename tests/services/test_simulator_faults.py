"""Faults of the simulator: each one seen from outside, what it costs, and when it strikes."""

import time
from typing import Any

import httpx
import pytest

from shared.testing.eventually import wait_until
from tests.services.test_simulator_process import Simulator

PROVIDERS = ["scale_serp", "youtube"]
SECONDS = 0.3
ID = "AAAAAAAAAAA"


def _call(sim: Simulator, provider: str) -> httpx.Response:
    return sim.search() if provider == "scale_serp" else sim.youtube("videos", part="snippet", id=ID)


def _outcomes(sim: Simulator, calls: int) -> list[str]:
    """What `calls` searches come to: a status, "broken" for a body that is no JSON, "dropped"."""
    found = []
    for _ in range(calls):
        try:
            answer = sim.search()
            answer.json()
            found.append(str(answer.status_code))
        except httpx.TransportError:
            found.append("dropped")
        except ValueError:
            found.append("broken")
    return found


def _costs(sim: Simulator, provider: str) -> tuple[int, int, int]:
    page = sim.page(provider)
    return page["units"], page["subjects"], page["units_unanswered"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_latency_delays_an_answer_that_is_bought(sim: Simulator, provider: str) -> None:
    """Late by `seconds`, otherwise whole."""
    sim.fault(provider, "latency", seconds=SECONDS)
    begun = time.monotonic()
    assert _call(sim, provider).status_code == 200
    assert time.monotonic() - begun >= SECONDS
    assert _costs(sim, provider) == (1, 1, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_late_answer_is_charged_before_it_arrives(sim: Simulator, provider: str) -> None:
    """A client that gives up has paid for what it did not get: the call was carried out."""
    sim.fault(provider, "late", seconds=20)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(_url(sim, provider), timeout=1, trust_env=False)
    wait_until(lambda: sim.page(provider)["abandoned"] == 1)
    assert _costs(sim, provider) == (1, 0, 1)


def _url(sim: Simulator, provider: str) -> str:
    if provider == "scale_serp":
        return f"{sim.url}/scaleserp/search?api_key=secret&q=coffee"
    return f"{sim.url}/youtube/v3/videos?key=secret&part=snippet&id={ID}"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_late_answer_counts_as_bought_when_it_is_awaited(sim: Simulator, provider: str) -> None:
    """Patience is rewarded."""
    sim.fault(provider, "late", seconds=SECONDS)
    assert _call(sim, provider).status_code == 200
    assert _costs(sim, provider) == (1, 1, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_hang_gives_no_answer_and_ends_in_a_cut_connection(sim: Simulator, provider: str) -> None:
    """Bounded by `seconds`, free of charge."""
    sim.fault(provider, "hang", seconds=SECONDS)
    begun = time.monotonic()
    with pytest.raises(httpx.TransportError):
        _call(sim, provider)
    assert time.monotonic() - begun >= SECONDS
    assert _costs(sim, provider) == (0, 0, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_drop_ends_the_connection_before_the_headers(sim: Simulator, provider: str) -> None:
    """Free unless the rule says it was carried out."""
    sim.fault(provider, "drop", times=1)
    with pytest.raises(httpx.TransportError):
        _call(sim, provider)
    assert _costs(sim, provider) == (0, 0, 0)
    sim.fault(provider, "drop", charged=True)
    with pytest.raises(httpx.TransportError):
        _call(sim, provider)
    assert _costs(sim, provider) == (1, 0, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_drop_mid_body_sends_headers_and_half_of_the_body(sim: Simulator, provider: str) -> None:
    """Charged, yet nothing was bought that could be used."""
    whole = len(_call(sim, provider).content)
    sim.fresh()
    sim.fault(provider, "drop_mid_body")
    received: list[bytes] = []
    with httpx.stream("GET", _url(sim, provider), trust_env=False) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(answer.iter_raw())
    assert 0 < sum(map(len, received)) < whole
    assert _costs(sim, provider) == (1, 0, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_truncated_json_is_valid_http(sim: Simulator, provider: str) -> None:
    """200 with JSON that ends half-way; charged, nothing usable bought."""
    sim.fault(provider, "truncated_json")
    answer = _call(sim, provider)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match="line 1"):
        answer.json()
    assert _costs(sim, provider) == (1, 0, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_html_is_a_page_with_status_200(sim: Simulator, provider: str) -> None:
    """An edge answered, not the provider."""
    sim.fault(provider, "html")
    answer = _call(sim, provider)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert _costs(sim, provider) == (0, 0, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_slow_drip_sends_the_whole_body_in_pieces(sim: Simulator, provider: str) -> None:
    """Headers at once, the end after `seconds`."""
    sim.fault(provider, "slow_drip", seconds=1)
    begun = time.monotonic()
    with httpx.stream("GET", _url(sim, provider), trust_env=False) as answer:
        headers_after = time.monotonic() - begun
        pieces = list(answer.iter_raw())
    assert headers_after < 0.9 <= time.monotonic() - begun
    assert len(pieces) > 5
    assert sum(map(len, pieces)) == int(answer.headers["Content-Length"])
    assert _costs(sim, provider) == (1, 1, 0)


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        ("soft_fail", 200, "unable to fulfil"),
        ("bad_request", 400, "not supported"),
        ("auth", 401, "API key"),
        ("credits", 402, "credits"),
        ("rate_limit", 429, "rate limit"),
        ("server_error", 500, "You have not been charged"),
    ],
)
def test_scale_serp_fails_in_its_envelope(sim: Simulator, fault: str, status: int, message: str) -> None:
    """`success` false and a message, free of charge."""
    sim.fault("scale_serp", fault)
    answer = sim.search()
    assert answer.status_code == status
    assert list(answer.json()) == ["request_info"]
    assert answer.json()["request_info"]["success"] is False
    assert message in answer.json()["request_info"]["message"]
    assert _costs(sim, "scale_serp") == (0, 0, 0)


def test_scale_serp_rate_limit_tells_the_delay(sim: Simulator) -> None:
    """Retry-After in whole seconds."""
    sim.fault("scale_serp", "rate_limit", seconds=7)
    assert sim.search().headers["Retry-After"] == "7"


def test_scale_serp_incident_has_no_request_info(sim: Simulator) -> None:
    """503 with the delay in the body."""
    sim.fault("scale_serp", "incident")
    answer = sim.search()
    assert answer.status_code == 503
    assert answer.json()["retry_after"] == 3600
    assert "request_info" not in answer.json()
    assert "temporarily unavailable" in answer.json()["message"]


def test_scale_serp_no_organic_is_a_success_without_results(sim: Simulator) -> None:
    """The flag says there were results: a parse gap, charged and delivered."""
    sim.fault("scale_serp", "no_organic")
    answer = sim.search().json()
    assert answer["request_info"]["success"] is True
    assert answer["search_information"]["original_query_yields_zero_results"] is False
    assert "organic_results" not in answer
    assert _costs(sim, "scale_serp") == (1, 1, 0)


@pytest.mark.parametrize(
    ("fault", "status", "reason", "domain"),
    [
        ("quota", 403, "quotaExceeded", "youtube.quota"),
        ("rate_limit", 403, "rateLimitExceeded", "usageLimits"),
        ("key_invalid", 400, "badRequest", "global"),
        ("server_error", 500, "internalError", "global"),
        ("backend", 503, "backendError", "global"),
    ],
)
def test_youtube_fails_in_its_envelope(
    sim: Simulator, fault: str, status: int, reason: str, domain: str
) -> None:
    """`errors[0]` has reason and domain, free of charge."""
    sim.fault("youtube", fault)
    answer = _call(sim, "youtube")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == status
    assert (error["errors"][0]["reason"], error["errors"][0]["domain"]) == (reason, domain)
    assert _costs(sim, "youtube") == (0, 0, 0)


def test_youtube_rate_limit_is_not_taken_for_a_daily_one(sim: Simulator) -> None:
    """The same reason with "per day" in its message would mean waiting until midnight."""
    sim.fault("youtube", "rate_limit")
    message = _call(sim, "youtube").json()["error"]["message"]
    assert "per minute" in message
    assert "per day" not in message


def test_refused_key_of_youtube_has_both_known_reasons(sim: Simulator) -> None:
    """Whatever the reason, the details say API_KEY_INVALID."""
    sim.fault("youtube", "key_invalid")
    assert _call(sim, "youtube").json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"times": 2}, [1, 2]),
        ({"nth": 3}, [3]),
        ({"every": 2}, [2, 4, 6]),
        ({"every": 2, "times": 1}, [2]),
        ({"rate": 0}, []),
        ({"rate": 1, "times": 4}, [1, 2, 3, 4]),
    ],
)
def test_conditions_say_which_calls_are_struck(
    sim: Simulator, conditions: dict[str, Any], expected: list[int]
) -> None:
    """All given conditions together; none means every call."""
    sim.fault("scale_serp", "server_error", **conditions)
    assert [n for n, outcome in enumerate(_outcomes(sim, 6), start=1) if outcome == "500"] == expected
    assert sim.page()["faults_injected"] == len(expected)


def test_key_strikes_only_calls_that_ask_for_the_subject(sim: Simulator) -> None:
    """Also one id of many; `nth` counts the matching calls."""
    sim.fault("youtube", "server_error", key="id=BBB", nth=2)
    statuses = [
        sim.youtube("videos", part="id", id=ids).status_code
        for ids in ("AAA,BBB", "AAA", "CCC", "CCC,BBB", "BBB")
    ]
    assert statuses == [200, 200, 200, 500, 200]


def test_rate_strikes_a_deterministic_share(sim: Simulator) -> None:
    """About the share asked for, and after a reset the very same calls."""
    runs = []
    for _ in range(2):
        sim.fresh()
        sim.fault("scale_serp", "server_error", rate=0.3)
        runs.append(_outcomes(sim, 100))
    assert 15 < runs[0].count("500") < 45
    assert runs[0] == runs[1]


def test_star_strikes_every_provider(sim: Simulator) -> None:
    """One rule, all providers."""
    sim.fault("*", "server_error", times=2)
    assert [_call(sim, provider).status_code for provider in PROVIDERS] == [500, 500]
    assert _call(sim, "youtube").status_code == 200


def test_first_rule_that_strikes_decides(sim: Simulator) -> None:
    """Rules are asked in the order they were posted."""
    sim.fault("scale_serp", "auth", times=1)
    sim.fault("scale_serp", "server_error", times=1)
    assert _outcomes(sim, 3) == ["401", "500", "200"]


@pytest.mark.parametrize("way", ["DELETE", "clear", "reset"])
def test_faults_can_be_taken_back(sim: Simulator, way: str) -> None:
    """Three ways lead to a provider that works."""
    sim.fault("scale_serp", "server_error")
    assert sim.search().status_code == 500
    if way == "DELETE":
        sim.control("DELETE", "faults")
    elif way == "clear":
        sim.control("POST", "faults", {"clear": True})
    else:
        sim.control("POST", "reset")
    assert sim.search().status_code == 200
    assert sim.control("GET", "faults") == {"faults": []}


def test_rule_tells_whether_it_charges_and_how_often_it_struck(sim: Simulator) -> None:
    """The answer to the post and the list describe the rule."""
    posted = sim.fault("scale_serp", "truncated_json", times=1)
    assert (posted["id"], posted["charged"], posted["struck"]) == (1, True, 0)
    _outcomes(sim, 3)
    (listed,) = sim.control("GET", "faults")["faults"]
    assert (listed["matched"], listed["struck"]) == (3, 1)


def test_mixture_cycles_over_its_faults(sim: Simulator) -> None:
    """Server error, rate limit with a delay of a second, drop, truncated answer, and again."""
    sim.control("POST", "settings", {"fault_rate": 1})
    assert _outcomes(sim, 8) == ["500", "429", "dropped", "broken"] * 2
    assert sim.page()["faults_injected"] == 8


def test_each_fortieth_fault_of_the_mixture_hangs(sim: Simulator) -> None:
    """Rare, so that a run is slowed, not stopped."""
    sim.control("POST", "settings", {"fault_rate": 1})
    _outcomes(sim, 39)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(_url(sim, "scale_serp"), timeout=SECONDS, trust_env=False)
    assert _outcomes(sim, 1) == ["500"]


def test_mixture_strikes_the_share_set_and_the_same_calls_each_time(sim: Simulator) -> None:
    """Chosen by the seed and the call's number."""
    runs = []
    for _ in range(2):
        sim.fresh()
        sim.control("POST", "settings", {"fault_rate": 0.05})
        runs.append(_outcomes(sim, 300))
    struck = len(runs[0]) - runs[0].count("200")
    assert 5 <= struck <= 30
    assert runs[0] == runs[1]
    assert sim.page()["faults_injected"] == struck
