"""Google Ads: the exact request, whose figures are whose, and both against the simulator."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.keywords.provider import PROVIDER, handle
from shared.domain import keys
from shared.domain.item import Item
from shared.domain.provider import Completed, Skipped
from shared.domain.results import MonthlyVolume, VolumeResult
from shared.errors import ConfigError
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from tests.services.test_simulator_process import Simulator
from tests.services.till import API_KEY, OAUTH_URL, Reply, Till, assert_storable, payload

pytestmark = pytest.mark.anyio

PATH = "/v26/customers/1234567890:generateKeywordHistoricalMetrics"


def lookups(*keywords: str, region: str = "US", geo_target: int = 2840, language: Any = 1000) -> list[Item]:
    rest = {"geo_target": geo_target, "language": language}
    return [
        Item(n, keys.volume_key(keyword, region), {"keyword": keyword, **rest})
        for n, keyword in enumerate(keywords)
    ]


def answering(body: bytes) -> Reply:
    return lambda _: httpx.Response(200, content=body)


def results(*found: Any) -> bytes:
    return json.dumps({"results": found}).encode()


def figures(volume: int, **more: Any) -> dict[str, Any]:
    return {"keywordMetrics": {"avgMonthlySearches": str(volume), **more}}


async def complete(items: Sequence[Item], till: Till) -> list[tuple[VolumeResult, str]]:
    outcomes = await handle(items, till)
    assert sorted(outcomes) == sorted(item.item_id for item in items)
    completed = []
    for item in items:
        outcome = outcomes[item.item_id]
        assert isinstance(outcome, Completed)
        assert isinstance(outcome.result, VolumeResult)
        assert_storable(outcome)
        completed.append((outcome.result, outcome.degraded))
    return completed


async def test_keywords_of_a_region_are_one_request() -> None:
    """In the order of the items and as written; one region, one language, and no developer token."""
    till = Till(PROVIDER, answering(payload("google_ads", "no_results")))

    await complete(lookups("anvil", "straße", geo_target=2276, language=1001), till)

    (request,) = till.requests
    assert (request.method, request.url.path) == ("POST", PATH)
    assert dict(request.url.params) == {"prettyPrint": "false"}
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert not {"developer-token", "login-customer-id"} & set(request.headers)
    assert json.loads(request.content) == {
        "keywords": ["anvil", "straße"],
        "language": "languageConstants/1001",
        "geoTargetConstants": ["geoTargetConstants/2276"],
        "keywordPlanNetwork": "GOOGLE_SEARCH",
        "historicalMetricsOptions": {"includeAverageCpc": True},
    }
    assert till.units == [1.0]


async def test_without_a_language_none_is_sent() -> None:
    """Google Ads has no constant for every language; it then counts searches in all of them."""
    till = Till(PROVIDER, answering(payload("google_ads", "no_results")))

    await complete(lookups("anvil", language=None), till)

    assert "language" not in json.loads(till.requests[0].content)


async def test_version_customer_and_manager_are_settings() -> None:
    """The version in the path, the manager account in a header, where there is one."""
    settings = {"version": "v27", "customer_id": "42", "login_customer_id": "9876543210"}
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"access_token": "a"} if str(request.url) == OAUTH_URL else {})

    client = Client(OAUTH_URL, "client", "secret", "refresh token")
    till = Till(PROVIDER, reply)
    till.wire = Wire(PROVIDER, Account(oauth=client, settings=settings), 1, httpx.MockTransport(reply))
    await complete(lookups("anvil"), till)

    assert asked[-1].url.path == "/v27/customers/42:generateKeywordHistoricalMetrics"
    assert asked[-1].headers["login-customer-id"] == "9876543210"
    with pytest.raises(ConfigError, match="CUSTOMER_ID must be set"):
        Wire(PROVIDER, Account(oauth=client), 1, httpx.MockTransport(reply))


async def test_answers_become_results() -> None:
    """64-bit figures in strings stay exact; absent is unknown and not 0; months come in order."""
    till = Till(PROVIDER, answering(payload("google_ads", "metrics")))

    found = await complete(lookups("anvil", "straße", "rare hammer", "zzxq", "nobody asks this"), till)

    assert found == [
        (
            VolumeResult(
                volume=9007199254740993, competition="MEDIUM", competition_index=57, low_bid_micros=1500000,
                high_bid_micros=7200000, cpc_micros=3100000,
                monthly=(
                    MonthlyVolume(2026, 8, 1400), MonthlyVolume(2026, 9, 0), MonthlyVolume(2026, 10, 1600),
                ),
            ),
            "",
        ),
        (VolumeResult(volume=0), ""),
        (VolumeResult(competition="LOW", competition_index=0, low_bid_micros=10000), "no_volume"),
        (VolumeResult(), "no_metrics"),
        (VolumeResult(), "no_metrics"),
    ]  # fmt: skip


async def test_close_variants_share_the_figures_of_one_keyword() -> None:
    """Whichever of them stands for all; the others say whose figures they have."""
    till = Till(PROVIDER, answering(payload("google_ads", "metrics")))

    found = await complete(lookups("anvils", "anvil", "anvil s"), till)

    assert [result.volume for result, _ in found] == [9007199254740993] * 3
    assert [result.variant_of for result, _ in found] == ["anvil", "", "anvil"]
    assert [degraded for _, degraded in found] == ["", "", ""]


async def test_keyword_that_is_written_back_without_its_punctuation_is_found() -> None:
    """Google drops hyphens and inch marks; with both spellings asked for, each has its own figures or none."""
    body = payload("google_ads", "metrics")

    ((alone, _),) = await complete(lookups("built-in oven"), Till(PROVIDER, answering(body)))
    both = await complete(lookups("built-in oven", "built in oven"), Till(PROVIDER, answering(body)))

    assert (alone.volume, alone.variant_of) == (880, "built in oven")
    assert [(r.volume, degraded) for r, degraded in both] == [(None, "no_metrics"), (880, "")]


async def test_keyword_is_not_mistaken_for_one_that_differs_in_punctuation() -> None:
    """C++ is not C: with both asked for, C's figures are C's alone."""
    body = results({"text": "c", **figures(1_000)}, {"text": "c#", **figures(10)})

    found = await complete(lookups("c++", "c", "c#"), Till(PROVIDER, answering(body)))

    assert [r.volume for r, _ in found] == [None, 1_000, 10]


async def test_spelling_of_the_answer_does_not_matter() -> None:
    """Case, blanks and Unicode forms of one keyword are the same keyword, and no variant."""
    body = results(
        {"text": "STRASSE", **figures(10)},
        {"text": "iron  Hammer", **figures(20)},
        {"text": "cafe\u0301", **figures(30)},
    )

    found = await complete(lookups("straße", "iron hammer", "café"), Till(PROVIDER, answering(body)))

    assert [(r.volume, r.variant_of) for r, _ in found] == [(10, ""), (20, ""), (30, "")]


async def test_own_result_comes_before_that_of_a_variant() -> None:
    """A keyword that has figures of its own does not get another's."""
    body = results({"text": "cars", "closeVariants": ["car"], **figures(10)}, {"text": "car", **figures(20)})

    found = await complete(lookups("car", "cars"), Till(PROVIDER, answering(body)))

    assert [(r.volume, r.variant_of) for r, _ in found] == [(20, ""), (10, "")]


async def test_empty_answer_means_no_data_about_any_keyword() -> None:
    """It is paid, and is no error."""
    till = Till(PROVIDER, answering(payload("google_ads", "no_results")))

    assert await complete(lookups("zzxq", "qxzz"), till) == [(VolumeResult(), "no_metrics")] * 2
    assert till.units == [1.0]


@pytest.mark.parametrize(
    ("keyword", "reason"),
    [
        ("x" * 81, "longer than Google Ads takes: 81 characters"),
        ("a b c d e f g h i j k", "longer than Google Ads takes: 11 words"),
    ],
)
async def test_keyword_that_is_too_long_is_skipped_unasked(keyword: str, reason: str) -> None:
    """It would spoil the call for the others; by itself it makes none."""
    till = Till(PROVIDER, answering(results({"text": "anvil", **figures(5)})))
    items = lookups("anvil", keyword, "x" * 80, "a b c d e f g h i j")

    outcomes = await handle(items, till)

    assert outcomes[1] == Skipped(reason)
    assert json.loads(till.requests[0].content)["keywords"] == ["anvil", "x" * 80, "a b c d e f g h i j"]
    assert all(isinstance(outcomes[n], Completed) for n in (0, 2, 3))
    assert await handle(lookups(keyword), till) == {0: Skipped(reason)}
    assert len(till.requests) == 1


async def test_regions_are_never_mixed_in_a_call() -> None:
    """Of several regions Google gives one combined number: a batch of two is a defect and fails loudly."""
    till = Till(PROVIDER, answering(payload("google_ads", "no_results")))

    with pytest.raises(ValueError, match="unpack"):
        await handle([*lookups("anvil"), *lookups("anvil", region="GB", geo_target=2826)], till)
    assert till.requests == []


async def test_ten_thousand_keywords_are_one_call() -> None:
    """And each finds its own figures among them."""
    keywords = [f"keyword {n}" for n in range(10_000)]
    body = results(*({"text": keyword, **figures(n)} for n, keyword in enumerate(keywords)))
    till = Till(PROVIDER, answering(body))

    found = await complete(lookups(*keywords), till)

    assert [r.volume for r, _ in found] == list(range(10_000))
    assert (len(till.requests), till.units) == (1, [1.0])


def over_http(sim: Simulator, **settings: str) -> Till:
    """A till whose wire goes to the simulator."""
    client = Client(f"{sim.url}/oauth/token", "client", "secret", "refresh token")
    account = Account(oauth=client, settings={"customer_id": "1234567890", **settings})
    till = Till(PROVIDER, answering(b"never asked"))
    till.wire = Wire(replace(PROVIDER, base_url=f"{sim.url}/googleads"), account, 1, "aiohttp")
    return till


async def test_ten_thousand_keywords_cost_one_operation_over_http(sim: Simulator) -> None:
    """Both ledgers agree, one token serves two calls, and few keywords have no figures."""
    till = over_http(sim)

    us = await complete(lookups(*(f"keyword number {n}" for n in range(10_000))), till)
    gb = await complete(lookups("keyword number 1", region="GB", geo_target=2826), till)
    await till.wire.aclose()

    page = sim.page("google_ads")
    assert (page["calls"], page["units"], page["subjects"]) == (2, sum(till.units), 10_001)
    assert sim.page("oauth")["calls"] == 1
    missing = sum(degraded == "no_metrics" for _, degraded in us)
    assert 0.02 < missing / 10_000 < 0.12
    assert all(len(r.monthly) == 12 for r, degraded in us if not degraded)
    assert any(r.cpc_micros for r, _ in us)
    assert gb[0] != us[1]


async def test_close_variants_are_merged_over_http(sim: Simulator) -> None:
    """Spellings that are nearly the same have the same figures, and all but one say whose."""
    till = over_http(sim, version="v23", login_customer_id="9876543210")

    found = await complete(lookups("paper clip", "steel anvils", "paper clips", "steel-anvil", "paper"), till)
    await till.wire.aclose()

    volumes = [r.volume for r, _ in found]
    assert (volumes[0], volumes[1]) == (volumes[2], volumes[3])
    assert sorted(r.variant_of != "" for r, _ in found) == [False, False, False, True, True]


async def test_answer_without_results_over_http(sim: Simulator) -> None:
    """Paid, marked, and no error."""
    sim.fault("google_ads", "no_results", times=1)
    till = over_http(sim)

    assert await complete(lookups("anvil"), till) == [(VolumeResult(), "no_metrics")]
    await till.wire.aclose()
    assert sim.page("google_ads")["units"] == sum(till.units) == 1
