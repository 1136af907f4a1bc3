"""From a configuration and the record to a plan."""

import asyncio
from collections import Counter, defaultdict
from typing import Final

import msgspec

from shared.domain.phases import (
    CLOSING,
    CONTENT_SCRAPING,
    KEYWORD_METRICS,
    PHASES,
    SERP_COLLECTION,
)
from shared.domain.pipeline import DataSource, PipelineConfig, start_items
from shared.domain.plan import (
    PhasePlan,
    Range,
    Seen,
    estimate_calls,
    estimate_items,
    estimate_units,
    exactly,
    plan_phase,
    shape,
)
from shared.domain.plan_wants import KEYWORDS_PER_CALL, wanted_fact
from shared.store.planning import Profile, find_held, list_profiles, select_experience
from shared.store.pool import Connection

#: Seconds of a call, as a rule of thumb.
CALL_SECONDS: Final = {
    "keywords": 2.0,
    "serp": 3.0,
    "enrichment": 1.0,
    "media": 0.3,
    "pages": 5.0,
    "llm": 8.0,
}
#: Facts looked up at once.
_BLOCK: Final = 10_000


class Plan(msgspec.Struct, frozen=True):
    """What a pipeline will take; nothing of it has been bought."""

    phases: list[PhasePlan]
    money: Range | None
    """Of the phases whose unit has a price; None: none has."""
    unpriced: list[str]
    """Phases whose money is not known."""
    seconds: Range
    """Of the slowest phase: they overlap."""
    budget: float | None
    affordable: bool | None
    """Whether the least it will cost is within the budget; None without one, or without a price."""
    learnt_from: int
    """Phases of earlier pipelines that the estimates rest on; 0: on stated priors alone."""
    merged: int = 0
    warnings: list[str] = []


async def plan(conn: Connection, data_source: DataSource, config: PipelineConfig) -> Plan:
    """Reads the record, and writes nothing."""
    profiles = await list_profiles(conn)
    seen = await select_experience(conn, data_source)
    exact = await _exact(conn, config, profiles)
    phases = [*exact, *_later(config, profiles, seen)]
    return summed(phases, config.budget, len([one for one in seen if one.items]))


def summed(phases: list[PhasePlan], budget: float | None, learnt_from: int) -> Plan:
    """With the sums of what is known."""
    priced = [phase.money for phase in phases if phase.money is not None]
    money = None
    if priced:
        money = Range(
            sum(m.expected for m in priced), sum(m.low for m in priced), sum(m.high for m in priced)
        )
    slowest = max((phase.seconds for phase in phases), key=lambda s: s.expected, default=exactly(0))
    unpriced = [phase.phase for phase in phases if phase.money is None]
    affordable = None if budget is None or money is None else money.low <= budget
    return Plan(phases, money, unpriced, slowest, budget, affordable, learnt_from)


async def _exact(conn: Connection, config: PipelineConfig, profiles: dict[str, Profile]) -> list[PhasePlan]:
    wants: dict[str, dict[str, list[tuple[str, float]]]] = defaultdict(lambda: defaultdict(list))
    items: Counter[str] = Counter()
    for n, item in enumerate(start_items(config)):
        if n % 1000 == 0:
            await asyncio.sleep(0)  # others are answered meanwhile
        if item.phase in CLOSING:
            continue
        items[item.phase] += 1
        profile = profiles.get(PHASES[item.phase].service)
        source = profile.source if profile else ""
        if key := wanted_fact(item, source):
            units = float(item.input.get("pages", 1))
            wants[item.phase][item.batch_key].append((key, units))
    return [
        await _exact_phase(conn, config, phase, items[phase], wants[phase], profiles)
        for phase in (KEYWORD_METRICS, SERP_COLLECTION)
        if phase in config.phases
    ]


async def _exact_phase(  # noqa: PLR0917  each is a figure of its own
    conn: Connection,
    config: PipelineConfig,
    phase: str,
    items: int,
    wants: dict[str, list[tuple[str, float]]],
    profiles: dict[str, Profile],
) -> PhasePlan:
    service = PHASES[phase].service
    profile = profiles.get(service)
    held, calls, units = 0, 0, 0.0
    for asked in wants.values():
        there: set[str] = set()
        if profile:
            freshness = config.freshness.get(service, profile.freshness_seconds)
            for n in range(0, len(asked), _BLOCK):
                there |= await find_held(conn, [key for key, _ in asked[n : n + _BLOCK]], freshness)
        missing = [units for key, units in asked if key not in there]
        held += len(asked) - len(missing)
        if phase == KEYWORD_METRICS:
            needed = -(-len(missing) // KEYWORDS_PER_CALL)
            calls, units = calls + needed, units + needed
        else:
            calls, units = calls + len(missing), units + sum(missing)
    return plan_phase(
        phase,
        exactly(items),
        exactly(calls),
        exactly(units),
        profile.terms if profile else None,
        from_store=held,
        seconds_per_call=CALL_SECONDS[service],
    )


def _later(config: PipelineConfig, profiles: dict[str, Profile], seen: list[Seen]) -> list[PhasePlan]:
    pages: dict[str, int] = {type_: getattr(config.pages, type_) for type_ in config.content_types}
    of = shape(len(config.keywords), len(config.regions), pages)
    phases = []
    items: dict[str, Range] = {}
    for name in config.phases:
        phase = PHASES[name]
        if not phase.upstream:
            continue
        upstream = items.get(phase.upstream[0]) if phase.upstream[0] != SERP_COLLECTION else None
        if upstream is None and phase.upstream[0] != SERP_COLLECTION:
            upstream = exactly(0)
        found = estimate_items(name, of, seen, upstream)
        if name == CONTENT_SCRAPING and config.scrape.per_pipeline is not None:
            most = config.scrape.per_pipeline
            found = Range(min(found.expected, most), min(found.low, most), min(found.high, most))
        items[name] = found
        calls = estimate_calls(name, found, seen)
        profile = profiles.get(phase.service)
        phases.append(
            plan_phase(
                name,
                found,
                calls,
                estimate_units(name, calls, seen),
                profile.terms if profile else None,
                from_store=None,
                seconds_per_call=CALL_SECONDS[phase.service],
            )
        )
    return phases
