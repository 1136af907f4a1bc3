"""ScrapingBee: the exact requests, the exact mapping, which visits are made, and what its errors mean."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest

from services.pages.ladder import LADDER
from services.pages.provider import PROVIDER, SITE_TRIES, Page, handle
from shared.domain.category import ErrorCategory, categorize
from shared.domain.gate import hold_seconds
from shared.domain.item import Item
from shared.domain.provider import Completed, Failed
from shared.domain.results import PageResult
from shared.errors import ProviderError
from tests.services.till import API_KEY, Reply, Till, assert_storable, payload, refusal

pytestmark = pytest.mark.anyio

C = ErrorCategory
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
KEY = "acme.example/guides/running-shoes"
URL = "https://www.acme.example/guides/running-shoes?utm_source=news"

#: What a request asks for beside the page -> the tier.
TIERS = {
    ("false", None): "default",
    ("true", None): "default_js",
    ("false", "premium_proxy"): "premium",
    ("true", "premium_proxy"): "premium_js",
    ("true", "stealth_proxy"): "stealth",
}


def page(url: str = URL, *, most: int = 25, attempts: int = 0) -> Item:
    context = {"scrape": {"per_pipeline": None, "credits_per_page": most}}
    return Item(7, KEY, {"url": url}, attempts, context)


def tier_of(request: httpx.Request) -> str:
    query = request.url.params
    return TIERS[query["render_js"], next((name for name in query if name.endswith("_proxy")), None)]


def tiers(till: Till) -> list[str]:
    return [tier_of(request) for request in till.requests]


def served(name: str, *, cost: int = 1) -> httpx.Response:
    """A body from the payloads, at another price."""
    return httpx.Response(200, json={**json.loads(payload("scrapingbee", name)), "cost": cost})


def refused(status: int | None = 403) -> httpx.Response:
    """The site answered with this status; None: not at all."""
    headers = {"Spb-Initial-Status-Code": str(status), "Spb-Cost": "0"} if status else {"Spb-Cost": "0"}
    return httpx.Response(500, headers=headers, content=payload("scrapingbee", "error_site"))


def site(by_tier: Mapping[str, httpx.Response]) -> Reply:
    """A page that looks different from each tier; where nothing is said, it refuses."""
    return lambda request: by_tier.get(tier_of(request), refused())


async def complete(till: Till, item: Item | None = None) -> tuple[PageResult, Page, str]:
    """(result, stored answer, mark) of one page."""
    outcome = (await handle([item or page()], till))[7]
    assert isinstance(outcome, Completed), outcome
    assert isinstance(outcome.result, PageResult)
    assert_storable(outcome)
    (fact,) = outcome.facts
    assert isinstance(fact.answer, Page)
    return outcome.result, fact.answer, outcome.degraded


async def test_cheapest_visit_is_one_request() -> None:
    """The address in the spelling that ranks, scripts switched off in so many words, the key in a header only."""
    till = Till(PROVIDER, site({"default": served("article")}))

    await complete(till)

    (request,) = till.requests
    assert (request.method, request.url.host, request.url.path) == ("GET", "app.scrapingbee.com", "/api/v1/")
    assert dict(request.url.params) == {"url": URL, "json_response": "true", "render_js": "false"}
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert API_KEY not in str(request.url)


async def test_dearer_visits_differ_in_their_switches_only() -> None:
    """A page that refuses all but the last; scripts are never left to the provider's default."""
    till = Till(PROVIDER, site({"stealth": served("article", cost=75)}))

    await complete(till, page(most=75))

    same = {"url": URL, "json_response": "true"}
    assert [dict(request.url.params) for request in till.requests] == [
        {**same, "render_js": "false"},
        {**same, "render_js": "false", "premium_proxy": "true"},
        {**same, "render_js": "true", "premium_proxy": "true"},
        {**same, "render_js": "true", "stealth_proxy": "true"},
    ]
    assert till.units == [75.0]


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("www.acme.example/a b", "https://www.acme.example/a b"),
        ("//acme.example/x?y=1&z=2", "https://acme.example/x?y=1&z=2"),
        (" http://läufer.example/größe#top\n", "http://läufer.example/größe#top"),
    ],
)
async def test_address_is_sent_whole(url: str, sent: str) -> None:
    """Search results come without a scheme at times; without one it would be refused."""
    till = Till(PROVIDER, site({"default": served("article")}))

    await complete(till, page(url))

    assert till.requests[0].url.params["url"] == sent


async def test_article_becomes_a_result_and_its_text_stays_in_the_fact() -> None:
    """Menu, banner, comments and footer are gone; the hash is of the text that is stored."""
    till = Till(PROVIDER, site({"default": served("article")}))

    result, answer, degraded = await complete(till)

    assert result == PageResult(
        found=True, url="https://www.acme.example/guides/running-shoes/", title="How to choose a running shoe",
        words=87, text_hash=sha256(answer.text.encode()).hexdigest(), language="en-GB", published="2024-05-06",
        tier="default",
    )  # fmt: skip
    assert answer.text.startswith("How to choose a running shoe\nA running shoe is chosen by the foot")
    assert answer.text.endswith("could not tell two models apart by weight.")
    assert "The café at the track" in answer.text
    assert "Wear your own socks." in answer.text
    for around in ("Pricing", "cookies", "Nice post", "rights reserved"):
        assert around not in answer.text
    assert (answer.kind, degraded, till.units) == ("", "", [1.0])


async def test_page_that_does_not_exist_is_a_fact() -> None:
    """Status 404 is billed: it is stored, marked, and no dearer visit is made."""
    missing = httpx.Response(
        404, headers={"Spb-Initial-Status-Code": "404"}, content=payload("scrapingbee", "missing")
    )
    till = Till(PROVIDER, site({"default": missing}))

    result, answer, degraded = await complete(till)

    url = "https://www.acme.example/guides/running-shoes"
    assert result == PageResult(found=False, url=url, tier="default")
    assert (answer.found, answer.kind, degraded) == (False, "not_found", "not_found")
    assert (tiers(till), till.units) == (["default"], [1.0])


async def test_404_of_the_provider_itself_is_no_fact() -> None:
    """A wrong base address must not store that every page of the web is missing."""
    body = b'{"message": "There is no GET /api/v2/."}'
    till = Till(PROVIDER, lambda _: httpx.Response(404, content=body))

    with pytest.raises(ProviderError) as caught:
        await handle([page()], till)

    assert categorize(caught.value, PROVIDER.errors).category is C.NON_RECOVERABLE
    assert caught.value.units == 0.0


@pytest.mark.parametrize("name", ["pdf", "json"])
async def test_what_is_no_page_has_no_text(name: str) -> None:
    """Scripts and better addresses would not make it one."""
    till = Till(PROVIDER, site({"default": served(name)}))

    result, answer, degraded = await complete(till)

    assert (result.found, result.words, result.text_hash, answer.text, degraded) == (
        True, 0, "", "", "not_html",
    )  # fmt: skip
    assert (tiers(till), till.units) == (["default"], [1.0])


#: What each tier shows, up to how many credits: the visits, the mark, the units of each.
VISITS: dict[str, tuple[dict[str, httpx.Response], int, list[str], str, list[float]]] = {
    "empty, then an article": (
        {"default": served("empty"), "default_js": served("article", cost=5)}, 25,
        ["default", "default_js"], "", [1, 5],
    ),
    "shell, then an article": (
        {"default": served("shell"), "default_js": served("article", cost=5)}, 25,
        ["default", "default_js"], "", [1, 5],
    ),
    "shell with scripts, too": (
        {"default": served("shell"), "default_js": served("shell", cost=5)}, 75,
        ["default", "default_js"], "empty", [1, 5],
    ),
    "shell, scripts too dear": ({"default": served("shell")}, 4, ["default"], "empty", [1]),
    "challenged, then an article": (
        {"default": served("captcha"), "premium": served("article", cost=10)}, 25,
        ["default", "premium"], "", [1, 10],
    ),
    "challenged up to the price": (
        {t.name: served("captcha", cost=t.credits) for t in LADDER}, 25,
        ["default", "premium", "premium_js"], "captcha", [1, 10, 25],
    ),
    "challenged everywhere": (
        {t.name: served("captcha", cost=t.credits) for t in LADDER}, 75,
        ["default", "premium", "premium_js", "stealth"], "captcha", [1, 10, 25, 75],
    ),
    "challenged, then refused": (
        {"default": served("captcha")}, 25, ["default", "premium", "premium_js"], "captcha", [1],
    ),
    "refused, then challenged": (
        {"premium": served("captcha", cost=10), "premium_js": served("article", cost=25)}, 25,
        ["default", "premium", "premium_js"], "", [10, 25],
    ),
    "refused, then a shell": (
        {"premium": served("shell", cost=10), "premium_js": served("article", cost=25)}, 25,
        ["default", "premium", "premium_js"], "", [10, 25],
    ),
    "shell, then refused with scripts": (
        {"default": served("shell"), "premium_js": served("article", cost=25)}, 25,
        ["default", "default_js", "premium_js"], "", [1, 25],
    ),
    "consent": ({t.name: served("consent", cost=t.credits) for t in LADDER}, 75, ["default"], "consent", [1]),
    "refused, then missing": (
        {"premium": httpx.Response(404, json={**json.loads(payload("scrapingbee", "missing")), "cost": 10})}, 25,
        ["default", "premium"], "not_found", [10],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("shown", "most", "visits", "mark", "units"), VISITS.values(), ids=VISITS)
async def test_visits_that_are_made(
    shown: Mapping[str, httpx.Response], most: int, visits: list[str], mark: str, units: list[float]
) -> None:
    """Scripts for a page without text, another address for one that refuses, nothing above the price allowed."""
    till = Till(PROVIDER, site(shown))

    result, answer, degraded = await complete(till, page(most=most))

    assert (tiers(till), degraded, till.units) == (visits, mark, units)
    assert result.tier == answer.tier
    assert (result.words > 20) == (mark == "")


@pytest.mark.parametrize(
    ("most", "visits"),
    [
        (1, ["default"]),
        (10, ["default", "premium"]),
        (24, ["default", "premium"]),
        (25, ["default", "premium", "premium_js"]),
        (75, ["default", "premium", "premium_js", "stealth"]),
    ],
)
@pytest.mark.parametrize("status", [403, 429])
async def test_page_that_refuses_every_visit_fails_at_once(most: int, visits: list[str], status: int) -> None:
    """Nothing was bought, so there is nothing to complete with; the reason is in the text."""
    till = Till(PROVIDER, site(dict.fromkeys(TIERS.values(), refused(status))))

    outcome = (await handle([page(most=most)], till))[7]

    assert outcome == Failed(
        f"no visit for up to {most} credits was served: status 500 (Server responded with 403)"
    )
    assert (tiers(till), till.units) == (visits, [])


@pytest.mark.parametrize("status", [500, 503, 301, None])
async def test_site_that_fails_is_tried_again_before_dearer_visits(status: int | None) -> None:
    """It may be back; only the last try goes up the ladder. Its faults are told from the provider's."""
    till = Till(PROVIDER, site({"default": refused(status), "premium": served("article", cost=10)}))

    for attempts in range(SITE_TRIES - 1):
        with pytest.raises(ProviderError) as caught:
            await handle([page(attempts=attempts)], till)
        rule = categorize(caught.value, PROVIDER.errors)
        assert (rule.category, rule.attempts) == (C.RECOVERABLE, SITE_TRIES)
    _, _, degraded = await complete(till, page(attempts=SITE_TRIES - 1))

    assert tiers(till) == ["default"] * SITE_TRIES + ["premium"]
    assert (degraded, till.units) == ("", [10.0])


async def test_error_of_the_provider_moves_nobody_up_the_ladder() -> None:
    """However often it was tried: a dearer visit would meet the same."""
    till = Till(PROVIDER, lambda _: httpx.Response(500, json={"message": "Internal server error."}))

    with pytest.raises(ProviderError):
        await handle([page(attempts=4)], till)

    assert tiers(till) == ["default"]


async def test_price_allowed_is_the_default_where_the_pipeline_says_none() -> None:
    """As in a pipeline that was frozen before there was such a field."""
    till = Till(PROVIDER, site({}))

    await handle([Item(7, KEY, {"url": URL})], till)

    assert tiers(till) == ["default", "premium", "premium_js"]


def _said(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, headers={n.replace("_", "-"): v for n, v in headers.items()}, content=content
    )


_SITE = payload("scrapingbee", "error_site")
#: An error -> category, attempts of its own, seconds everything waits.
TABLE: dict[str, tuple[httpx.Response, tuple[ErrorCategory, int | None, float]]] = {
    "bad request": (_said(400, payload("scrapingbee", "error_request")), (C.NON_RECOVERABLE, None, 0)),
    "credits used up": (_said(401, payload("scrapingbee", "error_quota")), (C.ACCOUNT, None, 60)),
    "wrong key": (_said(401, payload("scrapingbee", "error_key")), (C.ACCOUNT, None, 60)),
    "payment": (_said(402), (C.ACCOUNT, None, 60)),
    "feature not in the plan": (_said(403, b'{"message": "Forbidden"}'), (C.ACCOUNT, None, 60)),
    "wrong path": (_said(404, b'{"message": "Not found"}'), (C.NON_RECOVERABLE, None, 0)),
    "file too large": (_said(413), (C.NON_RECOVERABLE, None, 0)),
    "too many at once": (_said(429, b'{"message": "Too many"}'), (C.THROTTLED, None, 1)),
    "site answered 500": (_said(500, _SITE, Spb_Initial_Status_Code="500"), (C.RECOVERABLE, SITE_TRIES, 0)),
    "site answered 403": (_said(500, spb_initial_status_code="403"), (C.RECOVERABLE, SITE_TRIES, 0)),
    "site did not answer": (_said(500, b'{"reason": "timed out", "help": ""}'), (C.RECOVERABLE, SITE_TRIES, 0)),
    "500 of its own": (_said(500, b'{"message": "Internal server error."}'), (C.RECOVERABLE, None, 0)),
    **{str(status): (_said(status, b"<html>"), (C.RECOVERABLE, None, 0)) for status in (502, 503, 504)},
}  # fmt: skip


@pytest.mark.parametrize(("response", "meaning"), TABLE.values(), ids=TABLE)
async def test_every_row_of_the_error_table(
    response: httpx.Response, meaning: tuple[ErrorCategory, int | None, float]
) -> None:
    """The site's faults are few tries of one item; the account's stop everything."""
    rule, error = await refusal(PROVIDER, response)

    assert (rule.category, rule.attempts, hold_seconds(rule, error, NOW)) == meaning


@pytest.mark.parametrize(
    ("status", "name", "said"),
    [
        (401, "error_quota", "status 401 (Monthly API calls limit reached: 1000)"),
        (401, "error_key", "status 401 (Invalid api key: ***)"),
        (400, "error_request", "status 400 (Not a valid URL.)"),
        (500, "error_site", "status 500 (Server responded with 403)"),
    ],
)
async def test_reason_of_the_error_is_in_its_text(status: int, name: str, said: str) -> None:
    """Whoever reads the record sees why; a key it repeats is not shown."""
    _, error = await refusal(PROVIDER, httpx.Response(status, content=payload("scrapingbee", name)))

    assert str(error) == said


def _fields(**changes: Any) -> bytes:
    return json.dumps({**json.loads(payload("scrapingbee", "article")), **changes}).encode()


@pytest.mark.parametrize(
    ("body", "units"),
    [
        (_fields(type=5), 1.0),
        (_fields(body=["<p>"], cost=25), 25.0),
        (payload("scrapingbee", "article")[:900], 1.0),
        (b"<html>Checking your connection</html>", 0.0),
        (b'{"message": "x"}', 0.0),
        (_fields(cost="many"), 0.0),
        (b"", 0.0),
    ],
    ids=["no type", "no body", "cut off", "page of an edge", "message", "price is text", "nothing"],
)
async def test_answer_of_no_use_has_its_price(body: bytes, units: float) -> None:
    """What it says of its cost holds; one that was cut off was billed; what is none of the provider's was not."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body))

    with pytest.raises(ProviderError) as caught:
        await handle([page()], till)

    assert caught.value.units == units
