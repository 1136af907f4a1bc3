"""The sentences and key figures at the head of the report's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.coverage import NOTHING_TO_BETTER
from shared.domain.regions import REGIONS
from shared.domain.report_coverage import SearchCoverage
from shared.domain.report_schema import Company, Report

#: Regions named in a sentence.
NAMED_REGIONS: Final = 8

TITLES: Final = {"organic": "Organic", "news": "News", "video": "Video"}


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure."""

    label: str
    figure: str
    aside: str


def percent(share: float | None) -> str:
    """One decimal; unknown stays a word, and what is above 0 never reads as 0."""
    if share is None:
        return "unknown"
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def region_name(code: str) -> str:
    """As in "United States"; an unknown code as it is."""
    return REGIONS[code].name if code in REGIONS else code


def named(regions: Sequence[str]) -> str:
    """Names of the first regions, and how many more."""
    names = [region_name(code) for code in regions[:NAMED_REGIONS]]
    if more := len(regions) - len(names):
        names.append(f"{more} more")
    return ", ".join(names)


def counted(number: int, one: str, many: str) -> str:
    """As in "1 search", "2 searches"."""
    return f"{number:,} {one if number == 1 else many}"


def lede(rows: list[Company], content_type: str, searches: int) -> str:
    """The one sentence to remember, from the rows of a scope, strongest first."""
    ranking = [row for row in rows if row.appearances]
    if not searches:
        return f"No {content_type} search has been completed yet: the shares are unknown."
    if not ranking:
        return f"The {content_type} searches completed so far show no results."
    leader, client = ranking[0], _client(rows)
    if leader.share_of_voice is None:
        return f"The volume of no {content_type} search completed so far is known: the shares are unknown."
    if client and not client.appearances:
        return (
            f"{client.name} does not rank in any of {counted(searches, 'search', 'searches')}. "
            f"{leader.name} leads with {percent(leader.share_of_voice)} of the {content_type} clicks."
        )
    among = counted(_ranked(rows), "company", "companies")
    if client:
        return (
            f"{client.name} may expect {percent(client.share_of_voice)} of the {content_type} clicks in this market: "
            f"rank {client.rank:,} of {among}."
        )
    return (
        f"{leader.name} leads with {percent(leader.share_of_voice)} of the {content_type} clicks to be expected, "
        f"among {among}."
    )


def tiles(rows: list[Company], content_type: str, searches: int) -> list[Tile]:
    """Key figures of the client, or of the leader where there is none."""
    ranking = [row for row in rows if row.appearances]
    if not ranking:
        return []
    row = _client(rows) or ranking[0]
    whose = "" if row.role == "client" else f"{row.name}, "
    among = counted(_ranked(rows), "company", "companies")
    shown = [
        Tile(
            f"Share of voice, {content_type}",
            percent(row.share_of_voice),
            f"{whose}band {percent(row.share_low)} to {percent(row.share_high)}",
        ),
        Tile("Rank", f"{row.rank:,}" if row.rank else "none", f"{whose}of {among}"),
        Tile(
            "Keyword coverage",
            percent(row.keyword_coverage),
            f"{whose}first 20 of {counted(searches, 'search', 'searches')}",
        ),
    ]
    if row.dsi is not None:
        rank = f"rank {row.dsi_rank:,}" if row.dsi_rank else "too few keywords for a rank"
        shown.insert(1, Tile("Digital Strength Index", f"{row.dsi:.1f}", f"{whose}{rank}"))
    other = next((found for found in ranking if found is not row), None)
    if other and row.share_of_voice is not None and other.share_of_voice is not None:
        gap = row.share_of_voice - other.share_of_voice
        label = "Lead" if gap >= 0 else "Behind the leader"
        shown.append(
            Tile(label, f"{abs(100 * gap):.1f} points", f"{other.name} has {percent(other.share_of_voice)}")
        )
    return shown


def missing(report: Report, rows: list[Company], content_type: str) -> list[str]:
    """What was planned and is not in the figures: a line per content type and per phase, and what it may change."""
    lines = []
    by_type: dict[str, list[SearchCoverage]] = {}
    for cell in report.coverage.searches:
        by_type.setdefault(cell.content_type, []).append(cell)
    for type_, cells in by_type.items():
        planned, completed = sum(cell.planned for cell in cells), sum(cell.completed for cell in cells)
        if completed < planned:
            where = named([cell.region for cell in cells if cell.completed < cell.planned])
            line = f"{TITLES.get(type_, type_)}: {planned - completed:,} of {counted(planned, 'search', 'searches')}"
            lines.append(f"{line} missing ({where})")
    for phase in report.coverage.phases:
        counts = {"failed": phase.failed, "skipped": phase.skipped, "open": phase.open}
        if phase.phase not in NOTHING_TO_BETTER:
            counts["degraded"] = phase.degraded
        if found := [f"{number:,} {name}" for name, number in counts.items() if number]:
            lines.append(f"Phase {phase.phase.replace('_', ' ')}: {', '.join(found)} of {phase.planned:,}")
    client = _client(rows)
    if lines and client and client.share_of_voice is not None and client.possible_low != client.possible_high:
        span = f"{percent(client.possible_low)} and {percent(client.possible_high)}"
        lines.append(f"With all {content_type} searches, the share of {client.name} lies between {span}")
    return lines


def _client(rows: list[Company]) -> Company | None:
    return next((row for row in rows if row.role == "client"), None)


def _ranked(rows: list[Company]) -> int:
    return sum(row.rank is not None for row in rows)
