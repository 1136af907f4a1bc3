"""The simulated ScrapingBee: pages and what stands in their way, tiers and credits, faults."""

import json
import re
from base64 import b64decode

import httpx
import pytest

from tests.services.test_simulator_process import Simulator

ADDRESSES = 800
"""Probed once per module; enough for the rarest kind of page."""
COSTS = [
    ({"render_js": "false"}, 1),
    ({}, 5),
    ({"render_js": "false", "premium_proxy": "true"}, 10),
    ({"premium_proxy": "true", "country_code": "de"}, 25),
    ({"stealth_proxy": "true"}, 75),
]
KINDS = [
    "plain", "missing", "blocked", "guarded", "broken", "unreachable", "captcha", "consent", "empty", "script",
    "pdf", "charset", "huge",
]  # fmt: skip


@pytest.fixture(scope="module")
def pages(process: Simulator) -> dict[str, list[str]]:
    """Addresses by the kind of page that stands there, as a caller finds out."""
    process.fresh()
    found: dict[str, list[str]] = {}
    for number in range(ADDRESSES):
        url = f"https://www.site{number}.example/guides/crm-{number}"
        found.setdefault(_kind(process, url), []).append(url)
    return found


def fetch(sim: Simulator, url: str, **parameters: str) -> httpx.Response:
    """One page, with JavaScript unless told otherwise."""
    return sim.http.get(
        "/scrapingbee/api/v1/",
        params={"url": url, **parameters},
        headers={"Authorization": "Bearer secret"},
    )


def _cheap(sim: Simulator, url: str, **parameters: str) -> httpx.Response:
    return fetch(sim, url, render_js="false", **parameters)


def _kind(sim: Simulator, url: str) -> str:
    answer = _cheap(sim, url)
    initial = answer.headers.get("Spb-Initial-Status-Code")
    if (answer.status_code, initial) == (500, "403"):
        return "blocked" if _cheap(sim, url, premium_proxy="true").status_code == 200 else "guarded"
    page, kind = answer.content, answer.headers["Content-Type"]
    marks = {
        "missing": answer.status_code == 404,
        "broken": initial == "500",
        "unreachable": answer.status_code == 500,
        "empty": not page,
        "pdf": kind == "application/pdf",
        "huge": len(page) > 1_000_000,
        "captcha": b"g-recaptcha" in page,
        "consent": b"Before you continue" in page,
        "script": b'id="root"' in page,
        "plain": b'<meta charset="utf-8">' in page,
    }
    return next((kind for kind, holds in marks.items() if holds), "charset")


def _main_text(page: str) -> str:
    article = page.partition("<article>")[2].partition("</article>")[0]
    return re.sub(r"<[^>]+>", " ", article)


def test_every_kind_of_page_occurs_and_most_are_plain(pages: dict[str, list[str]]) -> None:
    """Whoever scrapes some hundred pages meets all of it."""
    assert set(pages) == set(KINDS)
    assert len(pages["plain"]) > 0.6 * ADDRESSES


def test_article_stands_amid_boilerplate(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """Title, description, headings, navigation, cookie banner, footer: what an extractor must tell apart."""
    answer = _cheap(sim, pages["plain"][0])
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for mark in ("<title>", '<meta name="description"', "<h1>", "<h2>", "<nav>", "cookie-banner", "<footer>"):
        assert mark in answer.text, mark
    assert answer.headers["Spb-Content-Type"] == answer.headers["Content-Type"]


def test_articles_have_300_to_1500_words_and_name_companies(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """Also companies that every world has, so that a demonstration finds mentions."""
    texts = [_main_text(_cheap(sim, url).text) for url in pages["plain"][:60]]
    counts = [len(text.split()) for text in texts]
    assert min(counts) >= 300
    assert max(counts) < 1600
    assert max(counts) > 2 * min(counts)
    assert sum(bool(re.search(r"Northwind|Contoso|Fabrikam|Globex|Initech", text)) for text in texts) > 5


def test_languages_differ_and_some_pages_tell_none(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """The attribute of the root element."""
    found = {re.search(r"<html[^>]*>", _cheap(sim, url).text) for url in pages["plain"][:40]}
    assert {match[0] for match in found if match} >= {'<html lang="en">', '<html lang="en-US">', "<html>"}


def test_page_is_a_function_of_seed_and_address(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """Fetched again, in whichever tier, it is the same; in another world it is another."""
    url = pages["plain"][0]
    first = _cheap(sim, url).content
    assert fetch(sim, url, stealth_proxy="true").content == first
    sim.control("POST", "settings", {"seed": 2})
    assert _cheap(sim, url).content != first


def test_tracking_parameters_and_slashes_lead_to_the_same_article(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """As on real sites."""
    url = pages["plain"][0]
    first = _main_text(_cheap(sim, url).text)
    assert _main_text(_cheap(sim, f"{url}/?utm_source=google").text) == first
    assert _main_text(_cheap(sim, f"{url}?page=2").text) != first


def test_page_behind_a_search_result_has_its_title(sim: Simulator) -> None:
    """One world for all providers."""
    results = [r for n in range(5) for r in sim.search(f"keyword {n}").json()["organic_results"]]
    agreeing = [
        result["title"] in answer.text
        for result in results
        if "youtu" not in result["domain"]
        and "<article>" in (answer := fetch(sim, result["link"], stealth_proxy="true")).text
    ]
    assert len(agreeing) > 20
    assert all(agreeing)


@pytest.mark.parametrize(("parameters", "cost"), COSTS)
def test_credits_depend_on_tier_and_javascript(
    sim: Simulator, pages: dict[str, list[str]], parameters: dict[str, str], cost: int
) -> None:
    """JavaScript is on by default; the header and the ledger agree."""
    answer = fetch(sim, pages["plain"][0], **parameters)
    assert (answer.status_code, answer.headers["Spb-Cost"]) == (200, str(cost))
    assert (sim.page("scrapingbee")["units"], sim.page("scrapingbee")["subjects"]) == (cost, 1)


def test_blocked_page_is_the_target_s_fault_and_passes_at_premium(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """500 with the target's status in a header and a reason in the body, free of charge."""
    url = next(
        url for url in pages["blocked"] if _cheap(sim, url).headers["Spb-Initial-Status-Code"] == "403"
    )
    sim.control("POST", "reset")
    answer = _cheap(sim, url)
    assert answer.status_code == 500
    assert answer.headers["Spb-Initial-Status-Code"] == "403"
    assert answer.json()["reason"] == "Server responded with 403"
    assert (sim.page("scrapingbee")["units"], sim.page("scrapingbee")["subjects"]) == (0, 0)
    assert "<article>" in _cheap(sim, url, premium_proxy="true").text
    assert "<article>" in fetch(sim, url, stealth_proxy="true").text


def test_guarded_page_passes_at_stealth_only(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """The last step of the ladder is needed for some."""
    url = pages["guarded"][0]
    assert fetch(sim, url, premium_proxy="true").status_code == 500
    assert fetch(sim, url, stealth_proxy="true").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "cost"),
    [("plain", 200, 1), ("missing", 404, 1), ("blocked", 200, 10), ("guarded", 200, 75), ("broken", 500, 0)],
)
def test_auto_mode_charges_the_step_that_succeeds(
    sim: Simulator, pages: dict[str, list[str]], kind: str, status: int, cost: int
) -> None:
    """And nothing when none does."""
    answer = fetch(sim, pages[kind][0], mode="auto")
    assert (answer.status_code, answer.headers["Spb-Cost"]) == (status, str(cost))
    assert sim.page("scrapingbee")["units"] == cost


def test_auto_mode_stops_at_its_maximum(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """A cap below the step that would succeed is a failure."""
    assert fetch(sim, pages["blocked"][0], mode="auto", max_cost="5").status_code == 500
    assert sim.page("scrapingbee")["units"] == 0


def test_missing_page_is_billed(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """The target's 404 is an answer that was bought."""
    answer = _cheap(sim, pages["missing"][0])
    assert (answer.status_code, answer.headers["Spb-Cost"]) == (404, "1")
    assert (sim.page("scrapingbee")["units"], sim.page("scrapingbee")["subjects"]) == (1, 1)


def test_target_that_does_not_answer_has_a_reason_and_no_status(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """Unlike one that answers 500 itself."""
    silent = _cheap(sim, pages["unreachable"][0])
    assert silent.status_code == 500
    assert "timed out" in silent.json()["reason"]
    assert "Spb-Initial-Status-Code" not in silent.headers
    broken = _cheap(sim, pages["broken"][0])
    assert (broken.status_code, broken.json()["reason"]) == (500, "Server responded with 500")
    assert broken.headers["Spb-Initial-Status-Code"] == "500"


def test_captcha_comes_with_status_200_and_not_at_premium(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """Billed all the same: only the text tells."""
    url = pages["captcha"][0]
    answer = _cheap(sim, url)
    assert (answer.status_code, answer.headers["Spb-Cost"]) == (200, "1")
    assert "<article>" not in answer.text
    assert "<article>" in _cheap(sim, url, premium_proxy="true").text


def test_page_of_scripts_is_an_empty_shell_without_javascript(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """With it there is an article."""
    url = pages["script"][0]
    assert "<article>" not in _cheap(sim, url).text
    assert "<article>" in fetch(sim, url).text


def test_page_in_another_charset_can_be_read_by_what_it_says(
    sim: Simulator, pages: dict[str, list[str]]
) -> None:
    """In the header or only in the page; never valid UTF-8."""
    said = set()
    for url in pages["charset"]:
        answer = _cheap(sim, url)
        match = re.search(rb'<meta charset="([\w-]+)">', answer.content)
        assert match is not None
        charset = match[1].decode()
        said.add("charset=" in answer.headers["Content-Type"])
        assert "© 2026" in answer.content.decode(charset)
        with pytest.raises(UnicodeDecodeError):
            answer.content.decode()
    assert said == {True, False}


def test_pdf_is_a_pdf(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """Whatever its address; an address that ends so always is one."""
    for url in (pages["pdf"][0], "https://a.example/white-paper.pdf"):
        answer = _cheap(sim, url)
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-1.4")
        assert answer.content.endswith(b"%%EOF\n")


def test_some_addresses_redirect(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """About a tenth: the initial status is that of the redirect, the resolved address another."""
    moved = 0
    for url in pages["plain"][:150]:
        headers = _cheap(sim, url).headers
        moved += headers["Spb-Resolved-Url"] != url
        assert (headers["Spb-Initial-Status-Code"] == "301") == (headers["Spb-Resolved-Url"] != url)
    assert 5 < moved < 30


def test_address_beyond_ascii_is_resolved_percent_encoded(sim: Simulator) -> None:
    """Headers are ASCII."""
    answer = fetch(sim, "https://bücherwelt.example/guide/größe", mode="auto")
    assert answer.headers["Spb-Resolved-Url"].startswith(
        "https://b%C3%BCcherwelt.example/guide/gr%C3%B6%C3%9Fe"
    )


def test_envelope_holds_the_page(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """`json_response`: HTML as it is, a PDF in base 64."""
    url = pages["plain"][0]
    envelope = _cheap(sim, url, json_response="true").json()
    assert envelope["body"] == _cheap(sim, url).text
    assert (envelope["cost"], envelope["type"]) == (1, "html")
    assert envelope["initial-status-code"] in (200, 301)
    assert envelope["resolved-url"].startswith(url)
    binary = _cheap(sim, pages["pdf"][0], json_response="true").json()
    assert binary["type"] == "b64_bytes"
    assert b64decode(binary["body"]).startswith(b"%PDF")
    foreign = _cheap(sim, pages["charset"][0], json_response="true").json()
    assert "© 2026" in foreign["body"]


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_text_forms_call_themselves_json(sim: Simulator, pages: dict[str, list[str]], form: str) -> None:
    """Plain text under a type that is wrong, as callers report."""
    answer = _cheap(sim, pages["plain"][0], **{f"return_page_{form}": "true"})
    assert answer.headers["Content-Type"].startswith("application/json")
    assert ("\n\n## " in answer.text) == (form == "markdown")
    assert "<p>" not in answer.text
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_transparent_status_is_passed_on_and_billed(sim: Simulator, pages: dict[str, list[str]]) -> None:
    """The target's own refusal instead of 500."""
    answer = _cheap(sim, pages["guarded"][0], transparent_status_code="true")
    assert (answer.status_code, sim.page("scrapingbee")["units"]) == (403, 1)
    assert "403 Forbidden" in answer.text


@pytest.mark.parametrize(
    ("fault", "status", "initial"),
    [
        ("bad_request", 400, None),
        ("auth", 401, None),
        ("quota", 401, None),
        ("payment", 402, None),
        ("forbidden", 403, None),
        ("too_large", 413, None),
        ("concurrency", 429, None),
        ("rate_limit", 429, None),
        ("server_error", 500, None),
        ("unavailable", 503, None),
        ("target_timeout", 500, None),
        ("target_500", 500, "500"),
        ("blocked", 500, "403"),
    ],
)
def test_fault_is_answered_in_the_provider_s_words(
    sim: Simulator, pages: dict[str, list[str]], fault: str, status: int, initial: str | None
) -> None:
    """Only a target's status tells its faults from the provider's; none is charged or tells a delay."""
    url = pages["plain"][0]
    sim.fault("scrapingbee", fault, times=1)
    answer = _cheap(sim, url)
    assert (answer.status_code, answer.headers.get("Spb-Initial-Status-Code")) == (status, initial)
    assert "Retry-After" not in answer.headers
    assert ("reason" in answer.json()) == (fault in ("target_timeout", "target_500", "blocked"))
    assert sim.page("scrapingbee")["units"] == 0
    assert _cheap(sim, url).status_code == 200


@pytest.mark.parametrize(
    ("fault", "mark"), [("captcha", "g-recaptcha"), ("consent", "consent"), ("empty", "")]
)
def test_page_can_be_made_useless_on_demand(
    sim: Simulator, pages: dict[str, list[str]], fault: str, mark: str
) -> None:
    """Status 200, charged, and no article."""
    sim.fault("scrapingbee", fault, key=pages["plain"][1])
    assert "<article>" in _cheap(sim, pages["plain"][0]).text
    answer = _cheap(sim, pages["plain"][1])
    assert (answer.status_code, answer.headers["Spb-Cost"]) == (200, "1")
    assert mark in answer.text
    assert "<article>" not in answer.text
    assert bool(answer.content) == bool(mark)
