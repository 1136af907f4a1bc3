"""The simulated OpenAI: limits per minute and per day, and the errors of its faults."""

import re

import pytest

from services.simulator.openai_errors import duration
from tests.services.test_simulator_openai import body_of, error_of, post
from tests.services.test_simulator_process import Simulator


def test_without_a_limit_no_limit_is_told(sim: Simulator) -> None:
    """The headers state what is enforced and nothing else."""
    assert not [name for name in post(sim, body_of()).headers if name.startswith("x-ratelimit")]


def test_requests_per_minute_are_counted_down_and_enforced(sim: Simulator) -> None:
    """Refused bodies count, too; the headers agree with the bucket and tell when to come again."""
    sim.control("POST", "settings", {"limits": {"openai": {"requests_per_minute": 3}}})
    answers = [post(sim, body_of()), post(sim, {**body_of(), "prompt": "x"}), post(sim, body_of())]
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["2", "1", "0"]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "3"
    assert re.fullmatch(r"(19\.\d+|20)s", answers[0].headers["x-ratelimit-reset-requests"])
    refused = post(sim, body_of())
    error = error_of(refused)
    assert (refused.status_code, error["type"], error["code"]) == (429, "requests", "rate_limit_exceeded")
    assert "requests per min (RPM): Limit 3" in error["message"]
    assert 15 <= int(refused.headers["Retry-After"]) <= 20
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert sim.page("openai")["over_limit"] == 1


def test_tokens_per_minute_weigh_prompt_and_output_asked_for(sim: Simulator) -> None:
    """What can never pass is told so, without a delay."""
    prompt_tokens = post(sim, body_of()).json()["usage"]["prompt_tokens"]
    limit = 2 * (prompt_tokens + 1000)
    sim.control("POST", "settings", {"limits": {"openai": {"tokens_per_minute": limit}}})
    sim.control("POST", "reset")
    first = post(sim, body_of(max_completion_tokens=1000))
    assert int(first.headers["x-ratelimit-remaining-tokens"]) == pytest.approx(limit / 2, abs=limit / 60)
    assert post(sim, body_of(max_completion_tokens=900)).status_code == 200
    refused = post(sim, body_of(max_completion_tokens=1000))
    assert (refused.status_code, error_of(refused)["type"]) == (429, "tokens")
    assert 20 <= int(refused.headers["Retry-After"]) <= 30
    large = post(sim, body_of(max_completion_tokens=limit))
    assert (large.status_code, error_of(large)["code"]) == (429, "rate_limit_exceeded")
    assert error_of(large)["message"].startswith("Request too large")
    assert "Retry-After" not in large.headers


def test_used_up_day_is_told_with_the_time_left(sim: Simulator) -> None:
    """A limit that waiting for seconds does not help against."""
    sim.control("POST", "settings", {"limits": {"openai": {"daily_units": 1}}})
    assert post(sim, body_of()).status_code == 200
    answer = post(sim, body_of())
    assert (answer.status_code, error_of(answer)["code"]) == (429, "rate_limit_exceeded")
    assert "tokens per day (TPD)" in error_of(answer)["message"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 24 * 60 * 60


@pytest.mark.parametrize(
    ("fault", "expected", "waits"),
    [
        ("rate_limit", (429, "requests", "rate_limit_exceeded"), True),
        ("daily_limit", (429, "tokens", "rate_limit_exceeded"), True),
        ("request_too_large", (429, "tokens", "rate_limit_exceeded"), False),
        ("slow_down", (429, "rate_limit_error", "slow_down"), True),
        ("quota", (429, "insufficient_quota", "insufficient_quota"), False),
        ("spend_limit", (429, "insufficient_quota", "organization_spend_limit_exceeded"), False),
        ("resource_unavailable", (429, "rate_limit_error", "resource_unavailable"), False),
        ("auth", (401, "invalid_request_error", "invalid_api_key"), False),
        ("country", (403, "request_forbidden", "unsupported_country_region_territory"), False),
        ("model_not_found", (404, "invalid_request_error", "model_not_found"), False),
        ("context_length", (400, "invalid_request_error", "context_length_exceeded"), False),
        ("bad_request", (400, "invalid_request_error", "content_policy_violation"), False),
        ("request_timeout", (408, "server_error", None), False),
        ("conflict", (409, "invalid_request_error", None), False),
        ("unprocessable", (422, "invalid_request_error", None), False),
        ("server_error", (500, "server_error", None), False),
        ("overloaded", (503, "service_unavailable_error", "server_is_overloaded"), False),
    ],
)
def test_fault_is_answered_with_its_code(
    sim: Simulator, fault: str, expected: tuple[int, str, str | None], waits: bool
) -> None:
    """The delay is told only where waiting helps."""
    sim.fault("openai", fault, seconds=7, times=1)
    answer = post(sim, body_of())
    error = error_of(answer)
    assert (answer.status_code, error["type"], error["code"]) == expected
    assert ("Retry-After" in answer.headers) == waits
    if fault == "rate_limit":
        assert answer.headers["Retry-After"] == "7"
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"
        assert answer.headers["x-ratelimit-reset-requests"] == "7s"
    assert answer.headers["x-request-id"].startswith("req_")
    assert sim.page("openai")["units"] == 0
    assert post(sim, body_of()).status_code == 200


def test_bad_gateway_is_a_page_of_html(sim: Simulator) -> None:
    """Not from OpenAI itself."""
    sim.fault("openai", "bad_gateway", times=1)
    answer = post(sim, body_of())
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (0.12, "120ms"),
        (1, "1s"),
        (6.5, "6.5s"),
        (86.4, "1m26.4s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, shown: str) -> None:
    """Neither seconds nor timestamps."""
    assert duration(seconds) == shown
