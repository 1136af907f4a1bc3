"""The ladder: never above the price, never twice the same visit, nothing paid for twice; and against the simulator."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pages import ladder
from services.pages.ladder import LADDER, Obstacle, Tier
from services.pages.provider import PROVIDER, SITE_TRIES, Page, handle
from services.simulator.scrapingbee_target import _kind
from shared.domain import keys
from shared.domain.category import ErrorCategory, categorize
from shared.domain.facts import fact_key
from shared.domain.item import Item
from shared.domain.provider import Completed, Endpoint, Fact, Failed, Outcome
from shared.domain.results import PageResult
from shared.errors import ProviderError
from tests.services.test_pages import complete, page, refused, served, site, tiers
from tests.services.test_simulator_process import Simulator
from tests.services.till import Reply, Till, assert_storable, over_http

A = TypeVar("A", bound=msgspec.Struct)

C = ErrorCategory
DEFAULT, DEFAULT_JS, PREMIUM, PREMIUM_JS, STEALTH = LADDER
OBSTACLES: tuple[Obstacle, ...] = (
    "", "refused", "captcha", "consent", "empty", "not_html", "not_found", "cut",
)  # fmt: skip


def test_tiers_get_dearer() -> None:
    """Whoever goes up pays more; the price list of the provider."""
    assert [(tier.name, tier.credits) for tier in LADDER] == [
        ("default", 1), ("default_js", 5), ("premium", 10), ("premium_js", 25), ("stealth", 75),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tier", "obstacle", "following"),
    [
        (DEFAULT, "empty", DEFAULT_JS),
        (PREMIUM, "empty", PREMIUM_JS),
        (DEFAULT_JS, "empty", None),
        (PREMIUM_JS, "empty", None),
        (STEALTH, "empty", None),
        *((DEFAULT, obstacle, PREMIUM) for obstacle in ("refused", "captcha")),
        *((DEFAULT_JS, obstacle, PREMIUM_JS) for obstacle in ("refused", "captcha")),
        *((PREMIUM, obstacle, PREMIUM_JS) for obstacle in ("refused", "captcha")),
        *((PREMIUM_JS, obstacle, STEALTH) for obstacle in ("refused", "captcha")),
        *((STEALTH, obstacle, None) for obstacle in OBSTACLES),
        *((tier, o, None) for tier in LADDER for o in ("", "consent", "not_html", "not_found", "cut")),
    ],
)
def test_next_tier_is_the_cheapest_that_can_help(
    tier: Tier, obstacle: Obstacle, following: Tier | None
) -> None:
    """Scripts against emptiness, other addresses against refusal; scripts once needed stay on."""
    assert ladder.after(tier, obstacle, 75) is following


@given(met=st.lists(st.sampled_from(OBSTACLES), min_size=6, max_size=6), most=st.integers(1, 75))
def test_every_way_up_ends_within_the_price(met: list[Obstacle], most: int) -> None:
    """Whatever is met on the way, each visit is dearer than the one before and no dearer than allowed."""
    visits: list[Tier] = []
    tier: Tier | None = DEFAULT
    for obstacle in met:
        if tier is None:
            break
        visits.append(tier)
        tier = ladder.after(tier, obstacle, most)

    prices = [visit.credits for visit in visits]
    assert tier is None
    assert prices == sorted(set(prices))
    assert max(prices) <= most
    assert sum(prices) <= 1 + 10 + 25 + 75


class Keeper(Till):
    """A till that keeps its facts as the store does: by endpoint, subject and parameters."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(PROVIDER, reply)
        self.kept: dict[str, Fact[Any]] = {}

    async def __call__(
        self, endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any] | None = None
    ) -> Mapping[str, Fact[A]]:
        (subject,) = subjects
        key = fact_key(PROVIDER.name, endpoint.name, subject, params or {})
        if key not in self.kept:
            (bought,) = (await super().__call__(endpoint, subjects, params)).values()
            self.kept[key] = replace(bought, from_store=True)
            return {subject: bought}
        return {subject: self.kept[key]}


@pytest.mark.anyio
async def test_fact_belongs_to_the_page_whatever_its_spelling_and_tier() -> None:
    """Bought through one link at a premium, it answers for another link at once."""
    till = Keeper(site({"premium": served("article", cost=10)}))

    first = await complete(till)
    second = await complete(till, page("http://acme.example/guides/running-shoes/", most=1))

    assert second == first
    assert tiers(till) == ["default", "premium"]


@pytest.mark.anyio
async def test_visits_that_were_paid_for_are_not_made_again_after_an_interruption() -> None:
    """The challenge was bought; the error that came after it starts nothing over."""
    answers = {"default": served("captcha"), "premium": httpx.Response(503)}
    till = Keeper(site(answers))

    with pytest.raises(ProviderError):
        await handle([page()], till)
    answers["premium"] = served("article", cost=10)
    _, answer, degraded = await complete(till, page(attempts=1))

    assert tiers(till) == ["default", "premium", "premium"]
    assert (answer.tier, degraded, till.units) == ("premium", "", [1.0, 10.0])


@pytest.mark.anyio
async def test_pipeline_that_allows_more_goes_on_where_another_stopped() -> None:
    """What a lower price brought is not the last word, but it is not bought again either."""
    shown: dict[str, httpx.Response] = {t.name: served("captcha", cost=t.credits) for t in LADDER[:4]}
    shown["stealth"] = served("article", cost=75)
    till = Keeper(site(shown))

    low = await complete(till, page(most=10))
    high = await complete(till, page(most=75))
    low_again = await complete(till, page(most=10))

    assert (low[2], high[2], low_again) == ("captcha", "", low)
    assert tiers(till) == ["default", "premium", "premium_js", "stealth"]
    assert till.units == [1.0, 10.0, 25.0, 75.0]


@pytest.mark.anyio
async def test_site_that_failed_and_recovers_costs_one_visit() -> None:
    """Nothing is charged for what failed."""
    replies = iter([refused(500), refused(None), served("article")])
    till = Keeper(lambda _: next(replies))

    for attempts in range(SITE_TRIES - 1):
        with pytest.raises(ProviderError):
            await handle([page(attempts=attempts)], till)
    await complete(till, page(attempts=SITE_TRIES - 1))

    assert (tiers(till), till.units) == (["default"] * SITE_TRIES, [1.0])


#: Addresses looked at; enough for the rarest kind of page.
ADDRESSES = 1000
#: Pages of a kind that are visited.
EACH = 4


def found(number: int, most: int, *, attempts: int = 0) -> Item:
    """A page as a search finds it."""
    url = f"https://www.site{number}.example/guides/crm-{number}?utm_source=x"
    context = {"scrape": {"per_pipeline": None, "credits_per_page": most}}
    return Item(number, keys.page_key(url), {"url": url}, attempts, context)


async def ended(item: Item, till: Till) -> tuple[str, Outcome]:
    """(what came of it in a few words, outcome) after as many tries as its errors allow."""
    while True:
        try:
            outcome = (await handle([item], till))[item.item_id]
        except ProviderError as error:
            rule = categorize(error, PROVIDER.errors)
            assert rule.category is C.RECOVERABLE
            assert item.attempts + 1 < (rule.attempts or 0)
            item = msgspec.structs.replace(item, attempts=item.attempts + 1)
        else:
            break
    if isinstance(outcome, Completed):
        assert isinstance(outcome.result, PageResult)
        assert_storable(outcome)
        return f"{outcome.result.tier} {outcome.degraded}".strip(), outcome
    assert isinstance(outcome, Failed)
    return "failed", outcome


#: Kind of page -> what comes of it, and its credits, when a page may cost 25; for guarded ones 75.
OUTCOMES = {
    "plain": ("default", 1),
    "charset": ("default", 1),
    "huge": ("default", 1),
    "missing": ("default not_found", 1),
    "pdf": ("default not_html", 1),
    "consent": ("default consent", 1),
    "script": ("default_js", 6),
    "empty": ("default_js empty", 6),
    "blocked": ("premium", 10),
    "captcha": ("premium", 11),
    "guarded": ("stealth", 75),
    "broken": ("failed", 0),
    "unreachable": ("failed", 0),
}


def of_kind(kind: str) -> list[int]:
    """Numbers of the addresses where, by the simulator's own word, such a page stands."""
    paths = {number: f"/guides/crm-{number}" for number in range(ADDRESSES)}
    return [n for n, path in paths.items() if _kind(1, f"www.site{n}.example{path}?", path) == kind]


@pytest.mark.anyio
async def test_every_kind_of_page_is_read_in_the_cheapest_tier_that_can(sim: Simulator) -> None:
    """The right tier, mark and credits for each; both ledgers agree; the texts are the articles and nothing else."""
    seen: dict[str, set[tuple[str, float]]] = {}
    async with over_http(PROVIDER, f"{sim.url}/scrapingbee/api/v1") as till:
        for kind, number in [(k, number) for k in OUTCOMES for number in of_kind(k)[:EACH]]:
            before = sum(till.units)
            came, outcome = await ended(found(number, 75 if kind == "guarded" else 25), till)
            seen.setdefault(kind, set()).add((came, sum(till.units) - before))
            if isinstance(outcome, Completed) and not outcome.degraded:
                _check_article(outcome)

    assert seen == {kind: {outcome} for kind, outcome in OUTCOMES.items()}
    ledger = sim.page("scrapingbee")
    assert (ledger["units"], ledger["repeated_subjects"]) == (sum(till.units), 0)


def _check_article(outcome: Completed) -> None:
    (fact,) = outcome.facts
    answer, result = fact.answer, outcome.result
    assert isinstance(answer, Page)
    assert isinstance(result, PageResult)
    assert 300 < result.words == answer.words < 1600
    assert answer.text.startswith(result.title)
    assert result.published[:2] == "20"
    for around in (
        "We value your privacy",
        "Related articles",
        "newsletter",
        "All rights reserved",
        "\ufffd",
    ):
        assert around not in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("most", "came", "units"),
    [(1, "failed", 0), (10, "premium", 10), (75, "premium", 10)],
)
async def test_price_allowed_decides_about_a_blocked_page(
    sim: Simulator, most: int, came: str, units: float
) -> None:
    """Below a premium visit there is no way in, and nothing is charged."""
    number = of_kind("blocked")[0]
    async with over_http(PROVIDER, f"{sim.url}/scrapingbee/api/v1") as till:
        assert (await ended(found(number, most), till))[0] == came

    assert sim.page("scrapingbee")["units"] == units


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "category", "attempts", "charged"),
    [
        ("bad_request", C.NON_RECOVERABLE, None, 0),
        ("auth", C.ACCOUNT, None, 0),
        ("quota", C.ACCOUNT, None, 0),
        ("payment", C.ACCOUNT, None, 0),
        ("forbidden", C.ACCOUNT, None, 0),
        ("too_large", C.NON_RECOVERABLE, None, 0),
        ("concurrency", C.THROTTLED, None, 0),
        ("rate_limit", C.THROTTLED, None, 0),
        ("server_error", C.RECOVERABLE, None, 0),
        ("unavailable", C.RECOVERABLE, None, 0),
        ("target_500", C.RECOVERABLE, SITE_TRIES, 0),
        ("target_timeout", C.RECOVERABLE, SITE_TRIES, 0),
        ("html", C.RECOVERABLE, None, 0),
        ("truncated_json", C.RECOVERABLE, None, 1),
        ("drop", C.RECOVERABLE, None, 0),
        ("drop_mid_body", C.RECOVERABLE, None, 1),
    ],
)
async def test_faults_of_the_simulator_are_understood(
    sim: Simulator, fault: str, category: ErrorCategory, attempts: int | None, charged: int
) -> None:
    """What it means for the page, and what it cost as far as there was an answer; the next try gets through."""
    number = of_kind("plain")[0]
    sim.fault("scrapingbee", fault, times=1)
    async with over_http(PROVIDER, f"{sim.url}/scrapingbee/api/v1") as till:
        with pytest.raises(ProviderError) as caught:
            await handle([found(number, 25)], till)
        assert sim.page("scrapingbee")["units"] == charged
        assert (await ended(found(number, 25), till))[0] == "default"

    rule = categorize(caught.value, PROVIDER.errors)
    assert (rule.category, rule.attempts) == (category, attempts)
    if caught.value.status:  # without an answer nobody knows
        units = caught.value.units
        assert (PROVIDER.error_units if units is None else units) == charged


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "came", "units"),
    [
        ("blocked", "failed", 0),
        ("captcha", "premium_js captcha", 1 + 10 + 25),
        ("consent", "default consent", 1),
        ("empty", "default_js empty", 1 + 5),
    ],
)
async def test_page_that_stays_useless_is_marked(sim: Simulator, fault: str, came: str, units: int) -> None:
    """Whichever tier visits it: what it cost is told exactly, and nobody analyses a wall."""
    number = of_kind("plain")[0]
    sim.fault("scrapingbee", fault)
    async with over_http(PROVIDER, f"{sim.url}/scrapingbee/api/v1") as till:
        how, outcome = await ended(found(number, 25), till)

    assert how == came
    assert sum(till.units) == sim.page("scrapingbee")["units"] == units
    if isinstance(outcome, Completed):
        assert isinstance(outcome.result, PageResult)
        assert (outcome.result.words, outcome.result.text_hash) == (0, "")
