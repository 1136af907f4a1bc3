"""The simulated ScrapingBee: keys and parameters that are refused, limits, what counts as bought."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services.test_simulator_process import Simulator
from tests.services.test_simulator_scrapingbee import fetch


@pytest.fixture(scope="module")
def plain(process: Simulator) -> list[str]:
    """Addresses of articles that everybody gets."""
    process.fresh()
    urls = [f"https://www.site{number}.example/guides/crm-{number}" for number in range(40)]
    return [url for url in urls if "<article>" in fetch(process, url, render_js="false").text]


def test_key_is_taken_from_the_query_too_and_the_final_slash_is_optional(
    sim: Simulator, plain: list[str]
) -> None:
    """The older form of the call."""
    answer = sim.http.get("/scrapingbee/api/v1", params={"api_key": "secret", "url": plain[0]})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer invalid-key"}, {"Authorization": "Basic secret"}]
)
def test_wrong_key_is_refused(sim: Simulator, headers: dict[str, str]) -> None:
    """401 with a message that repeats the key."""
    answer = sim.http.get("/scrapingbee/api/v1/", params={"url": "https://a.example/"}, headers=headers)
    assert answer.status_code == 401
    assert "api key" in answer.json()["message"]
    assert ("invalid-key" in answer.text) == ("Bearer invalid-key" in headers.values())


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"url": "www.a.example/no-scheme"}, "url"),
        ({"url": "https://a.example/x", "y": "cut off from an address not encoded"}, "y"),
        ({"render_js": "perhaps"}, "render_js"),
        ({"timeout": "999"}, "timeout"),
        ({"timeout": "140001"}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"wait": "35001"}, "wait"),
        ({"wait": "100", "render_js": "false"}, "wait"),
        ({"wait_browser": "idle"}, "wait_browser"),
        ({"device": "watch"}, "device"),
        ({"country_code": "de"}, "country_code"),
        ({"country_code": "deu", "premium_proxy": "true"}, "country_code"),
        ({"stealth_proxy": "true", "render_js": "false"}, "stealth_proxy"),
        ({"stealth_proxy": "true", "premium_proxy": "true"}, "stealth_proxy"),
        ({"stealth_proxy": "true", "timeout": "20000"}, "timeout"),
        ({"stealth_proxy": "true", "cookies": "a=b"}, "cookies"),
        ({"mode": "cheap"}, "mode"),
        ({"mode": "auto", "render_js": "false"}, "mode"),
        ({"mode": "auto", "premium_proxy": "true"}, "mode"),
        ({"max_cost": "10"}, "max_cost"),
        ({"ai_query": "what is it about"}, "ai_query"),
        ({"return_page_text": "true", "return_page_markdown": "true"}, "return_page_text"),
    ],
)
def test_wrong_parameter_is_refused_by_name(sim: Simulator, parameters: dict[str, str], field: str) -> None:
    """400 with the parameter at fault, nothing charged."""
    answer = fetch(sim, **{"url": "https://a.example/", **parameters})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert sim.page("scrapingbee")["units"] == 0


def test_address_is_required(sim: Simulator) -> None:
    """Named as any other parameter."""
    answer = sim.http.get("/scrapingbee/api/v1/", params={"api_key": "secret"})
    assert answer.json() == {"errors": {"url": ["Missing data for required field."]}}


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", "screenshot")])
def test_other_paths_and_methods_are_refused(sim: Simulator, method: str, path: str) -> None:
    """404 with a message."""
    answer = sim.http.request(method, f"/scrapingbee/api/v1/{path}", params={"api_key": "secret"})
    assert answer.status_code == 404
    assert answer.json()["message"].startswith(f"There is no {method}")


def test_calls_beyond_the_plan_s_concurrency_get_429_without_a_delay(
    sim: Simulator, plain: list[str]
) -> None:
    """The caller is not told when to come again."""
    sim.control("POST", "settings", {"latency_ms": 300, "limits": {"scrapingbee": {"concurrency": 2}}})
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda url: fetch(sim, url, render_js="false"), plain[:5]))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 3
    assert all("Retry-After" not in answer.headers for answer in refused)
    assert sim.page("scrapingbee")["over_limit"] == 3


def test_used_up_credits_are_told_with_401(sim: Simulator, plain: list[str]) -> None:
    """As a wrong key is, but with other words; the last call may go beyond the plan."""
    sim.control("POST", "settings", {"limits": {"scrapingbee": {"daily_units": 6}}})
    assert [fetch(sim, url).status_code for url in plain[:3]] == [200, 200, 401]
    answer = fetch(sim, plain[0])
    assert answer.json()["message"].startswith("Monthly API calls limit reached")
    assert sim.page("scrapingbee")["units"] == 10


def test_usage_is_free_and_agrees_with_what_was_charged(sim: Simulator, plain: list[str]) -> None:
    """Credits, concurrency and the day of renewal."""
    limits = {"scrapingbee": {"daily_units": 1000, "concurrency": 5}}
    sim.control("POST", "settings", {"limits": limits})
    fetch(sim, plain[0])
    usage = sim.http.get("/scrapingbee/api/v1/usage", params={"api_key": "secret"}).json()
    renewal = usage.pop("renewal_subscription_date")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", renewal)
    assert usage == {
        "max_api_credit": 1000,
        "used_api_credit": 5,
        "max_concurrency": 5,
        "current_concurrency": 0,
    }
    assert sim.page("scrapingbee")["units"] == 5


def test_same_page_in_another_tier_is_another_purchase(sim: Simulator, plain: list[str]) -> None:
    """Parameters that change nothing are left out of the subject."""
    url = plain[0]
    fetch(sim, url, render_js="false")
    fetch(sim, url, render_js="false", block_ads="true", tag="again")
    fetch(sim, url, render_js="false", premium_proxy="true")
    page = sim.page("scrapingbee")
    assert (page["subjects"], page["repeated_subjects"], page["units"]) == (2, 1, 12)
    purchases = sim.control("GET", "ledger?detail=subjects")["scrapingbee"]["purchases"]
    assert f"page url={url} tier=default render_js=false form=page" in purchases
