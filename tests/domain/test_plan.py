"""Plans: exact where the configuration says everything, an interval that holds and narrows where it does not."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keywords import provider as keywords
from services.serp import provider as serp
from shared.domain import plan_wants
from shared.domain.facts import fact_key
from shared.domain.phases import COMPANY_ENRICHMENT, CONTENT_ANALYSIS, KEYWORD_METRICS, SERP_COLLECTION
from shared.domain.pipeline import freeze, start_items
from shared.domain.plan import (
    PRIORS,
    Seen,
    Terms,
    estimate_calls,
    estimate_items,
    estimate_units,
    exactly,
    plan_phase,
    shape,
)
from shared.domain.plan_wants import wanted_fact
from shared.domain.start import parse

PAGES = {"organic": 2, "news": 1, "video": 1}
sizes = st.integers(1, 2000)


@given(keywords=sizes, regions=st.integers(1, 50), phase=st.sampled_from(sorted(PRIORS)))
def test_an_interval_holds_what_is_expected(keywords: int, regions: int, phase: str) -> None:
    """Whatever is asked for, without any experience; and nothing is negative."""
    upstream = exactly(keywords) if phase == CONTENT_ANALYSIS else None
    items = estimate_items(phase, shape(keywords, regions, PAGES), [], upstream)
    calls = estimate_calls(phase, items, [])
    units = estimate_units(phase, calls, [])
    for figure in (items, calls, units):
        assert 0 < figure.low <= figure.expected <= figure.high


@given(st.integers(2, 500), st.integers(2, 100), st.integers(1, 15))
def test_experience_goes_before_the_prior(size: int, found: int, times: int) -> None:
    """The more pipelines agree the closer the estimate is to what they found, and the narrower."""
    of = shape(size, 1, PAGES)
    one = Seen(of, COMPANY_ENRICHMENT, found, 0, found, found, found)
    wide = estimate_items(COMPANY_ENRICHMENT, of, [one], None)
    narrow = estimate_items(COMPANY_ENRICHMENT, of, [one] * (times + 1), None)
    assert abs(math.log(narrow.expected / found)) <= abs(math.log(wide.expected / found)) + 1e-9
    assert narrow.high / narrow.low <= wide.high / wide.low + 1e-9


def test_intervals_hold_eight_times_in_ten() -> None:
    """Of pipelines like those that were seen; the chance is fixed."""
    chance = random.Random(4)
    of, hits = shape(100, 1, PAGES), 0
    for _ in range(300):
        drawn = [round(math.exp(chance.gauss(6.0, 0.3))) for _ in range(7)]
        seen = [Seen(of, COMPANY_ENRICHMENT, n, 0, n, n, n) for n in drawn[:-1]]
        interval = estimate_items(COMPANY_ENRICHMENT, of, seen, None)
        hits += interval.low <= drawn[-1] <= interval.high
    assert hits >= 0.78 * 300


def test_facts_are_asked_for_in_the_providers_words() -> None:
    """A plan looks up the very keys that the services will."""
    body = b'{"keywords": ["Stra\\u00dfe", "' + b"w " * 11 + b'"], "regions": ["DE"]}'
    items = list(start_items(freeze(parse(body)).config))
    searches = [item for item in items if item.phase == SERP_COLLECTION]
    for item in searches:
        names = ("q", "location", "gl", "hl", "google_domain", "device", "pages")
        params = {name: item.input[name] for name in names}
        assert wanted_fact(item, "s") == fact_key("s", serp.SEARCH.name, item.key, params)
        assert float(item.input["pages"]) == serp.SEARCH.most(serp.SEARCH.request([item.key], params))
    fits, too_long = [item for item in items if item.phase == KEYWORD_METRICS]
    endpoint = keywords._metrics({fits.key: "x"})
    params = {name: fits.input[name] for name in ("geo_target", "language")} | {"network": keywords.NETWORK}
    assert wanted_fact(fits, "k") == fact_key("k", endpoint.name, fits.key, params)
    assert wanted_fact(too_long, "k") is None
    assert (plan_wants.CHARACTERS, plan_wants.WORDS) == (keywords.CHARACTERS, keywords.WORDS)
    assert endpoint.per_call == plan_wants.KEYWORDS_PER_CALL


@pytest.mark.parametrize(("price", "quota"), [(None, None), (0.01, 1000.0)])
def test_terms_make_money_quota_and_time(price: float | None, quota: float | None) -> None:
    """What has no price is unknown, never 0; the slower of rate and latency decides the time."""
    terms = Terms("credit", price, 10, 5.0, quota)
    planned = plan_phase(
        SERP_COLLECTION, exactly(100), exactly(100), exactly(200), terms, from_store=0, seconds_per_call=1.0
    )
    assert planned.money == (None if price is None else exactly(2.0))
    assert planned.quota_days == (None if quota is None else exactly(0.2))
    assert planned.seconds == exactly(20.0)
