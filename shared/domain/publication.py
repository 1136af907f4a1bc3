"""Whether a report may be published: gates that pass, or that somebody waives by name."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from shared.domain import keys
from shared.domain.identity import LEAST_CONFIDENCE, fits
from shared.domain.platforms import PLATFORMS
from shared.domain.publication_schema import Publication, PublicationGate
from shared.domain.report_rows import Lineage, Waiver
from shared.domain.report_schema import Company, Report

#: Keywords of a region that must have a known volume.
KNOWN_VOLUMES: Final = 0.9
#: How much must be there, by what it weighs: of the searches; of what rests on them.
SEARCHED: Final = 0.95
ENRICHED: Final = 0.8
#: Between the oldest and the newest search of a report.
SPREAD: Final = timedelta(days=30)
#: Companies down to this rank must go by the right name.
JUDGED: Final = 50
#: What shares may miss 1 by.
ROUNDING: Final = 1e-9
#: Reasons told of a gate; how many more there are is told too.
_TOLD: Final = 5

_Scope = tuple[str | None, str, str | None]
"""Landscape, content type, region."""


def judge(report: Report, lineage: Lineage | None, waivers: Iterable[Waiver] = ()) -> Publication:
    """Every gate with the reasons it refuses the report for. Looks at the report alone, whoever made it."""
    waived = {waiver.gate: waiver for waiver in waivers}
    found = []
    for name, reasons in GATES.items():
        told = list(reasons(report, lineage))
        waiver = waived.get(name) if told else None
        more = [f"and {len(told) - _TOLD:,} more"] if len(told) > _TOLD else []
        found.append(
            PublicationGate(
                gate=name,
                passed=not told,
                reasons=(*told[:_TOLD], *more),
                waived_by=waiver.actor if waiver else None,
                waiver=waiver.reason if waiver else None,
            )
        )
    return Publication(all(gate.passed or gate.waived_by for gate in found), tuple(found))


def _mass(report: Report, _: Lineage | None) -> Iterator[str]:
    """There are clicks, and volumes to weigh them by."""
    headline = [row for row in report.companies if row.landscape is None]
    for (content_type, region), rows in _by_market(headline).items():
        if rows and not math.fsum(row.expected_clicks or 0.0 for row in rows):
            yield f"{content_type} in {region or 'all regions'}: no company expects a single click"
    if report.method.weights != "volume":
        yield "no search volume is known, so every search weighs the same"
        return
    for cover in report.coverage.volumes:
        if (cover.share or 0.0) < KNOWN_VOLUMES:
            yield f"{cover.region}: the volume of {cover.known:,} of {cover.keywords:,} keywords is known, {KNOWN_VOLUMES:.0%} are needed"


def _regions(report: Report, _: Lineage | None) -> Iterator[str]:
    """Two markets are never the same to the last figure."""
    vectors: dict[object, list[str]] = defaultdict(list)
    headline = [row for row in report.companies if row.landscape is None and row.region is not None]
    for (content_type, region), rows in _by_market(headline).items():
        ranking = [row for row in rows if row.appearances]
        if ranking and region:
            figures = frozenset(
                (row.company, row.share_of_voice, row.keyword_coverage, row.appearances, row.average_position)
                for row in ranking
            )
            vectors[content_type, figures].append(region)
    for key, regions in vectors.items():
        if len(regions) > 1 and isinstance(key, tuple):
            yield f"{key[0]}: the companies of {', '.join(regions)} have the very same figures"


def _ranges(report: Report, _: Lineage | None) -> Iterator[str]:
    """Shares are shares."""
    for row in report.companies:
        for name in _SHARES:
            share = getattr(row, name)
            if share is not None and not 0 <= share <= 1:
                yield f"{name} of {row.company} is {100 * share:.1f} %"
    whole = {
        (c.landscape, c.content_type, c.region) for c in report.coverage.companies if c.found <= c.listed
    }
    for scope, rows in _by_scope(report.companies).items():
        total = math.fsum(row.share_of_voice or 0.0 for row in rows)
        if scope in whole and total and abs(total - 1) > ROUNDING:
            yield f"shares of {_named(scope)} sum to {total:.9f}"


_SHARES: Final = (
    "share_of_voice", "share_low", "share_high", "possible_low", "possible_high", "visibility", "keyword_coverage",
    "coverage_3", "coverage_10", "capture_rate", "peer_share", "weighted_visibility", "relevance",
)  # fmt: skip


def _identity(report: Report, _: Lineage | None) -> Iterator[str]:
    """Companies are who they are said to be."""
    seen: dict[str, Company] = {row.company: row for row in report.companies}
    for row in seen.values():
        if not _is_registrable(row.company):
            yield f"{row.company} is no registrable domain, yet a company ({row.name})"
        elif row.role == "other" and row.named_by != "person" and row.company in PLATFORMS:
            yield f"{row.company} is a platform and listed as a company"
    judged = {
        row.company: row
        for row in report.companies
        if row.landscape is None and row.role == "other" and (row.rank or JUDGED + 1) <= JUDGED
    }
    for row in judged.values():
        unsure = row.match_confidence is None or row.match_confidence < LEAST_CONFIDENCE
        if row.named_by == "match" and unsure and not fits(row.name, row.company):
            yield f"{row.company} is labelled {row.name!r}, which does not fit its domain; confirm or correct it"
    for scope, rows in _by_scope(report.companies).items():
        names = Counter(row.company for row in rows)
        yield from (f"{name} is listed {n} times in {_named(scope)}" for name, n in names.items() if n > 1)
        listed = {domain for row in rows for domain in row.domains}
        for given in (report.meta.company, *report.meta.competitors):
            own = map(keys.registrable_domain, given.domains) if given else ()
            if given and (absent := [domain for domain in own if domain not in listed]):
                yield f"{given.name} is named at the start and missing in {_named(scope)}: {', '.join(absent)}"


def _freshness(report: Report, _: Lineage | None) -> Iterator[str]:
    """What is compared was seen at about the same time."""
    first, last = report.meta.searched_from, report.meta.searched_to
    if first is None or last is None:
        yield "when the searches were made is not recorded"
    elif last - first > SPREAD:
        yield f"the oldest search is {(last - first).days} days older than the newest; {SPREAD.days} are allowed"


def _completeness(report: Report, _: Lineage | None) -> Iterator[str]:
    """By what is missing weighs, phase by phase; a phase that is off is stated elsewhere."""
    for mass in report.coverage.mass:
        needed = SEARCHED if mass.phase == "serp_collection" else ENRICHED
        if mass.share is not None and mass.share < needed:
            where = f" in {mass.region}" if mass.region else ""
            there = f"{mass.share:.1%}" if mass.share else "none"
            yield f"{mass.phase}: {there} of the mass{where} is there, {needed:.0%} is needed"
    if not any(cell.completed for cell in report.coverage.searches):
        yield "serp_collection: no search is completed"


def _lineage(_: Report, lineage: Lineage | None) -> Iterator[str]:
    """Figures lead to stored answers."""
    if lineage is None:
        yield "whether the figures lead to stored answers was not counted"
    elif lineage.resolved < lineage.results:
        missing = lineage.results - lineage.resolved
        yield f"{missing:,} of {lineage.results:,} results lead to no stored answer"


#: In the order they are told.
GATES: Final[Mapping[str, Callable[[Report, Lineage | None], Iterator[str]]]] = {
    "mass": _mass,
    "regions": _regions,
    "ranges": _ranges,
    "identity": _identity,
    "freshness": _freshness,
    "completeness": _completeness,
    "lineage": _lineage,
}


def refusals(publication: Publication) -> list[PublicationGate]:
    """The gates that stand in the way."""
    return [gate for gate in publication.gates if not gate.passed and not gate.waived_by]


def with_publication(report: Report, lineage: Lineage | None, waivers: Iterable[Waiver] = ()) -> Report:
    """The report with its own judgement."""
    return msgspec.structs.replace(report, publication=judge(report, lineage, waivers))


def _is_registrable(company: str) -> bool:
    try:
        return keys.registrable_domain(company) == company
    except ValueError:
        return False


def _by_market(rows: Iterable[Company]) -> dict[tuple[str, str | None], list[Company]]:
    found: dict[tuple[str, str | None], list[Company]] = defaultdict(list)
    for row in rows:
        found[row.content_type, row.region].append(row)
    return found


def _by_scope(rows: Iterable[Company]) -> dict[_Scope, list[Company]]:
    found: dict[_Scope, list[Company]] = defaultdict(list)
    for row in rows:
        found[row.landscape, row.content_type, row.region].append(row)
    return found


def _named(scope: _Scope) -> str:
    landscape, content_type, region = scope
    return f"{content_type} in {region or 'all regions'}" + (f", {landscape}" if landscape else "")
