"""ScrapingBee: the simulator's answers and our client's requests against the vendor's documentation."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from services.pages.ladder import LADDER
from services.pages.provider import PROVIDER
from shared.domain.start import Config, Scrape, StartRequest
from tests.contract.vendors import client_requests, parameters
from tests.contract.vendors.documented import documented
from tests.contract.vendors.simulated import Simulator, errors, process, sim, variants
from tests.services.test_simulator_scrapingbee import fetch

__all__ = ["process", "sim"]

VENDOR = documented("scrapingbee")
URL = "https://www.site1.example/guides/crm-1"
#: Fault of the simulator -> what the vendor documents.
FAULTS = {
    "bad_request": "bad request",
    "auth": "invalid key",
    "quota": "no credits",
    "payment": "payment",
    "forbidden": "forbidden",
    "too_large": "too large",
    "concurrency": "too many at once",
    "rate_limit": "too many at once",
    "server_error": "internal error",
    "unavailable": "unavailable",
    "target_500": "site failed",
    "target_timeout": "site silent",
}
#: Parameters that decide about the price.
TIER = ("render_js", "premium_proxy", "stealth_proxy")
WRONG: dict[str, dict[str, str]] = {
    "relative address": {"url": "/guides"},
    "unknown parameter": {"render": "true"},
    "no boolean": {"render_js": "perhaps"},
    "timeout too short": {"timeout": "999"},
    "timeout too long": {"timeout": "140001"},
    "wait too long": {"wait": "35001"},
    "unknown mode": {"mode": "fast"},
}


def conflicts(query: Mapping[str, str]) -> list[dict[str, str]]:
    """The documented combinations in it that are refused."""
    rows: list[dict[str, str]] = VENDOR["conflicts"]
    return [
        row
        for row in rows
        if all(name in query and value in ("*", query[name]) for name, value in row.items())
    ]


def mismatch(answer: httpx.Response, situation: str) -> list[str]:
    """As documented; that the site's own status is told says whose fault it is."""
    told, expected = (
        "Spb-Initial-Status-Code" in answer.headers,
        "initial_status" in VENDOR["situations"][situation],
    )
    return VENDOR.mismatch(answer, situation) + ["whose fault it is"] * (told != expected)


@pytest.fixture(scope="module")
def urls() -> list[str]:
    """Addresses enough to meet every kind of site."""
    return [f"https://www.site{number}.example/guides/crm-{number}" for number in range(300)]


def test_envelope_has_the_documented_shape(sim: Simulator, urls: list[str]) -> None:
    """Whatever the page is; its headers tell the same."""
    seen: set[str] = set()
    for url in [*urls[:200], "https://www.site1.example/paper.pdf"]:
        answer = fetch(sim, url, json_response="true", render_js="false")
        if answer.status_code == 500:
            continue
        body = answer.json()
        assert VENDOR.misfits(body, "json_response") == []
        assert answer.headers["Spb-Cost"] == str(body["cost"])
        assert answer.headers["Spb-Initial-Status-Code"] == str(body["initial-status-code"])
        assert answer.headers["Spb-Resolved-Url"] == body["resolved-url"]
        seen |= {str(answer.status_code), body["type"]}

    assert seen == {"200", "404", "html", "b64_bytes"}


def test_site_that_fails_is_told_as_documented(sim: Simulator, urls: list[str]) -> None:
    """500 for both: a site that answered has a status, one that did not has none."""
    found = {"site failed": 0, "site silent": 0}
    for url in urls:
        answer = fetch(sim, url, render_js="false")
        if answer.status_code == 500:
            situation = "site failed" if "Spb-Initial-Status-Code" in answer.headers else "site silent"
            assert mismatch(answer, situation) == []
            found[situation] += 1

    assert all(found.values())


@pytest.mark.parametrize("price", VENDOR["prices"], ids=lambda row: str(row["credits"]))
def test_prices_are_the_documented_ones(sim: Simulator, price: dict[str, Any]) -> None:
    """By tier and whether scripts run; only what was delivered costs anything."""
    sim.fault("scrapingbee", "consent", times=1)
    delivered = fetch(sim, URL, **{name: value for name, value in price.items() if name != "credits"})

    assert delivered.headers["Spb-Cost"] == str(price["credits"])
    assert sim.page("scrapingbee")["units"] == price["credits"]


@pytest.mark.parametrize("fault", errors("scrapingbee"))
def test_fault_is_the_documented_refusal(sim: Simulator, fault: str) -> None:
    """Status, body, and whose fault it is; no delay is ever told, and nothing charged."""
    sim.fault("scrapingbee", fault)
    answer = fetch(sim, URL)

    assert mismatch(answer, FAULTS[fault]) == []
    assert "Retry-After" not in answer.headers
    assert sim.page("scrapingbee")["units"] == 0


@pytest.mark.parametrize("fault", variants("scrapingbee"))
def test_crippled_page_is_told_in_the_envelope(sim: Simulator, fault: str) -> None:
    """A wall or nothing at all is a page like any other to the vendor."""
    sim.fault("scrapingbee", fault)
    answer = fetch(sim, URL, json_response="true")

    if answer.status_code == 500:
        assert mismatch(answer, "site failed") == []
    else:
        assert VENDOR.misfits(answer.json(), "json_response") == []


@pytest.mark.parametrize("wrong", WRONG)
def test_undocumented_parameter_is_refused(sim: Simulator, wrong: str) -> None:
    """What the table does not allow the simulator does not either."""
    query = {"url": URL, **WRONG[wrong]}

    assert parameters.misfits(query, VENDOR["parameters"])
    assert mismatch(fetch(sim, **query), "wrong parameter") == []


@pytest.mark.parametrize("conflict", VENDOR["conflicts"], ids="-".join)
def test_documented_conflict_is_refused(sim: Simulator, conflict: dict[str, str]) -> None:
    """Parameters that are right one by one."""
    values = {"*": "true", "timeout": "5000"}
    query = {name: values.get(name, value) if value == "*" else value for name, value in conflict.items()}
    query = {name: values.get(value, value) for name, value in query.items()}

    assert mismatch(fetch(sim, URL, **query), "wrong parameter") == []


def test_key_is_refused_as_documented(sim: Simulator) -> None:
    """Whether it comes as a parameter or in the header."""
    as_parameter = sim.http.get("/scrapingbee/api/v1/", params={"url": URL, "api_key": "invalid"})
    as_header = sim.http.get(
        "/scrapingbee/api/v1/", params={"url": URL}, headers={"Authorization": "Bearer invalid"}
    )

    assert mismatch(as_parameter, "invalid key") == mismatch(as_header, "invalid key") == []


def test_usage_has_the_documented_shape(sim: Simulator) -> None:
    """What is left of the month."""
    answer = sim.http.get("/scrapingbee/api/v1/usage", headers={"Authorization": "Bearer secret"})

    assert VENDOR.misfits(answer.json(), "usage") == []


@pytest.fixture(scope="module")
def requests(process: Simulator) -> list[httpx.Request]:
    """What our client asks for the pages of some searches, with credits enough for every tier."""
    process.fresh()
    start = StartRequest(
        keywords=tuple(f"word {n}" for n in range(25)),
        regions=("US",),
        content_types=("organic",),
        config=Config(scrape=Scrape(credits_per_page=75)),
    )
    return client_requests.kept(process, "pages", start, at_most=250)


def test_client_sends_documented_parameters(requests: list[httpx.Request]) -> None:
    """Names and values of the table, in combinations that are not refused, and the key in the header."""
    assert requests
    for request in requests:
        sent = request.url.params.multi_items()
        url = str(request.url.copy_with(query=None))
        assert (request.method, url) == ("GET", f"{VENDOR['base_url']}/")
        assert len(dict(sent)) == len(sent)
        assert parameters.misfits(dict(sent), VENDOR["parameters"]) == []
        assert conflicts(dict(sent)) == []
        assert request.headers["Authorization"].startswith("Bearer ")


def test_client_says_whether_scripts_run(requests: list[httpx.Request]) -> None:
    """Left out it means yes, for five times the price. Every tier is met, the dear ones where cheap ones fail."""
    how = Counter(
        tuple(sorted((name, value) for name, value in request.url.params.items() if name in TIER))
        for request in requests
    )
    documented_tiers = [
        tuple(sorted((name, row[name]) for name in TIER if name in row)) for row in VENDOR["prices"]
    ]

    assert how.keys() == set(documented_tiers)
    assert how[documented_tiers[0]] > how.total() / 2


def test_client_counts_with_the_documented_prices() -> None:
    """Tier by tier."""
    prices = [
        {
            "credits": tier.credits,
            "render_js": str(tier.render_js).lower(),
            **({tier.proxy: "true"} if tier.proxy else {}),
        }
        for tier in LADDER
    ]

    assert prices == VENDOR["prices"]


def test_client_knows_whose_fault_it_is() -> None:
    """By the header that the documentation names."""
    assert "spb-initial-status-code" in PROVIDER.error_headers
