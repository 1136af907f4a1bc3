"""What a pipeline will ask of its providers, before anything is spent. Pure.

Phases whose items the configuration names are exact, if no call has to be repeated. What the others find is
estimated from earlier pipelines of the same world, and from PRIORS where there are none: the logarithm of a figure
is taken to be normal, its mean and spread weighed between prior and what was seen. Bounds are 80 % intervals.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.phases import (
    COMPANY_ENRICHMENT,
    CONTENT_ANALYSIS,
    CONTENT_SCRAPING,
    KEYWORD_METRICS,
    PHASES,
    SERP_COLLECTION,
    VIDEO_ENRICHMENT,
)

#: Standard deviations from the mean within which 80 % of a normal distribution lie.
Z80: Final = 1.2815515655446004
#: A prior counts as this many pipelines.
PRIOR_WEIGHT: Final = 1.0


class Prior(msgspec.Struct, frozen=True):
    """What is expected of a phase before any pipeline was seen."""

    basis: str
    """What its items grow with: `slots`, `video_slots`, `page_slots`, or the phase they are found in."""
    items: float
    """Per unit of the basis, raised to `exponent`."""
    exponent: float
    calls: float
    """Per item that is bought."""
    units: float
    """Per call."""
    sigma: float
    """Spread of the logarithm of items, and of calls and units by items."""


#: From the proportions of the first generation's load (338 keywords, 5 regions, 3 types: 129,043 results, 1,288 domains,
#: 11,000 videos, 5,261 pages) and of the six providers' batches. Domains and pages repeat, the more the more is searched.
PRIORS: Final[Mapping[str, Prior]] = {
    COMPANY_ENRICHMENT: Prior("slots", 1.0, 0.8, 0.12, 20.0, 0.9),
    VIDEO_ENRICHMENT: Prior("video_slots", 0.9, 0.95, 0.04, 1.0, 0.8),
    CONTENT_SCRAPING: Prior("page_slots", 0.8, 0.93, 1.3, 5.0, 0.8),
    CONTENT_ANALYSIS: Prior(CONTENT_SCRAPING, 0.85, 1.0, 1.05, 3000.0, 0.6),
}


class Shape(msgspec.Struct, frozen=True):
    """What of a configuration decides how much is found."""

    slots: int
    """Results that all searches may show."""
    video_slots: int
    """Those of video searches, and a tenth of the others."""
    page_slots: int
    """Those high enough on web and news pages to be fetched."""


class Seen(msgspec.Struct, frozen=True):
    """A phase of an earlier pipeline."""

    shape: Shape
    phase: str
    items: int
    upstream_items: int
    bought: int
    calls: int
    units: int


class Range(msgspec.Struct, frozen=True):
    """A figure with its 80 % interval; exact when all three are the same."""

    expected: float
    low: float
    high: float


class Terms(msgspec.Struct, frozen=True):
    """A provider's terms, as its workers have declared them."""

    unit: str
    unit_price: float | None
    concurrency: int
    requests_per_second: float
    units_per_day: float | None


class PhasePlan(msgspec.Struct, frozen=True):
    """What a phase will take."""

    phase: str
    service: str
    items: Range
    from_store: int | None
    """Answered by stored facts, as far as can be known before; None: cannot be."""
    calls: Range
    units: Range
    unit: str | None
    money: Range | None
    """None: its unit has no price here."""
    quota_days: Range | None
    """Days of the provider's quota it uses up; None: no quota."""
    seconds: Range
    """If nothing else kept it waiting."""
    exact: bool


def shape(keywords: int, regions: int, pages: Mapping[str, int]) -> Shape:
    """`pages`: result pages bought by content type, of the types that are searched."""
    searches = keywords * regions
    deep = {type_: min(2, number) for type_, number in pages.items() if type_ != "video"}
    return Shape(
        10 * searches * sum(pages.values()),
        round(
            searches * (10 * pages.get("video", 0) + sum(n for type_, n in pages.items() if type_ != "video"))
        ),
        10 * searches * sum(deep.values()),
    )


def exactly(figure: float) -> Range:
    """Known."""
    return Range(figure, figure, figure)


def scaled(of: Range, factor: float) -> Range:
    """By a constant."""
    return Range(of.expected * factor, of.low * factor, of.high * factor)


def estimate_items(phase: str, of: Shape, seen: Sequence[Seen], upstream: Range | None) -> Range:
    """Items a later phase will find."""
    prior = PRIORS[phase]
    own = [one for one in seen if one.phase == phase and one.items > 0]
    base = upstream or exactly(_basis(prior, of, 0))
    if base.expected <= 0:
        return exactly(0)
    logs = [
        math.log(one.items) - prior.exponent * math.log(basis)
        for one in own
        if (basis := _basis(prior, one.shape, one.upstream_items)) > 0
    ]
    mean, sigma = _posterior(math.log(prior.items), prior.sigma, logs)
    sigma = math.hypot(sigma, prior.exponent * _sigma(base))
    most = base.high if prior.exponent <= 1 and prior.items <= 1 else math.inf
    return _lognormal(mean + prior.exponent * math.log(base.expected), sigma, most)


def estimate_calls(phase: str, items: Range, seen: Sequence[Seen]) -> Range:
    """Calls for that many items, if all are bought."""
    prior = PRIORS[phase]
    logs = [math.log(s.calls / s.bought) for s in seen if s.phase == phase and s.bought > 0 and s.calls > 0]
    return _times(items, prior.calls, prior.sigma / 3, logs)


def estimate_units(phase: str, calls: Range, seen: Sequence[Seen]) -> Range:
    """Units charged for that many calls."""
    prior = PRIORS[phase]
    logs = [math.log(s.units / s.calls) for s in seen if s.phase == phase and s.units > 0 and s.calls > 0]
    return _times(calls, prior.units, prior.sigma / 2, logs)


def plan_phase(
    phase: str,
    items: Range,
    calls: Range,
    units: Range,
    terms: Terms | None,
    *,
    from_store: int | None,
    seconds_per_call: float,
) -> PhasePlan:
    """In money, quota and time, by the provider's terms."""
    money = scaled(units, terms.unit_price) if terms and terms.unit_price is not None else None
    quota = scaled(units, 1 / terms.units_per_day) if terms and terms.units_per_day else None
    pace = seconds_per_call / (terms.concurrency if terms else 1)
    if terms and terms.requests_per_second:
        pace = max(pace, 1 / terms.requests_per_second)
    return PhasePlan(
        phase=phase,
        service=PHASES[phase].service,
        items=items,
        from_store=from_store,
        calls=calls,
        units=units,
        unit=terms.unit if terms else None,
        money=money,
        quota_days=quota,
        seconds=scaled(calls, pace),
        exact=phase in {KEYWORD_METRICS, SERP_COLLECTION},
    )


def _basis(prior: Prior, of: Shape, upstream_items: int) -> float:
    return float(upstream_items if prior.basis in PHASES else getattr(of, prior.basis))


def _posterior(mean: float, sigma: float, logs: Sequence[float]) -> tuple[float, float]:
    """Mean and spread of the next one: the prior weighs as PRIOR_WEIGHT pipelines, less where those seen agree."""
    if not logs:
        return mean, sigma
    n = len(logs)
    own = math.fsum(logs) / n
    weight = PRIOR_WEIGHT / 10
    around = math.fsum((x - own) ** 2 for x in logs)
    variance = (PRIOR_WEIGHT * (sigma / 2) ** 2 + around) / (PRIOR_WEIGHT + n)
    return (weight * mean + n * own) / (weight + n), math.sqrt(variance * (1 + 1 / n))


def _times(base: Range, factor: float, sigma: float, logs: Sequence[float]) -> Range:
    if base.expected <= 0:
        return exactly(0)
    mean, spread = _posterior(math.log(factor), sigma, logs)
    return _lognormal(mean + math.log(base.expected), math.hypot(spread, _sigma(base)), math.inf)


def _sigma(of: Range) -> float:
    """Spread of the logarithm, back from an interval."""
    if of.low <= 0 or of.high <= of.low:
        return 0.0
    return math.log(of.high / of.low) / (2 * Z80)


def _lognormal(mean: float, sigma: float, most: float) -> Range:
    low, high = math.exp(mean - Z80 * sigma), math.exp(mean + Z80 * sigma)
    return Range(min(math.exp(mean), most), min(low, most), min(high, most))
