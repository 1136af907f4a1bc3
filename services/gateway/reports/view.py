"""What the page shows of a report: the strongest rows of each table, and the sentences about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shared.domain.regions import REGIONS
from shared.domain.report_schema import Company, Keyword, Page, Report, SearchCoverage, Video

#: Rows of a long table.
TABLE_ROWS: Final = 25
#: Rows of the tables of news and video.
SECTION_ROWS: Final = 10
#: Rows of a region's chart. The client and its competitors come on top.
REGION_ROWS: Final = 6
#: Small charts of regions.
REGION_CARDS: Final = 24
#: Regions named in a sentence.
NAMED_REGIONS: Final = 8

_PARTIES: Final = frozenset({"client", "competitor"})
_TITLES: Final = {"organic": "Organic", "news": "News", "video": "Video"}
_NOTES: Final = {
    "organic": "All regions together. The headline figure: web results only, news and video are not in it.",
    "news": "All regions together. The news tab has its own share of voice; it is not part of the organic one.",
    "video": "All regions together. Most videos are hosted on YouTube, which is one domain; Videos says whose they are.",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """The first rows of a table, and how many it has beyond."""

    rows: Sequence[T]
    left_out: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Ranked rows with bars."""

    rows: list[tuple[int, Company]]
    scale: float
    """The share that fills the whole width."""
    left_out: int
    left_out_share: float
    nothing: str
    """Instead of the rows, why there are none."""


@dataclass(frozen=True, slots=True)
class Section:
    """One content type over all regions, or one of its regions."""

    id: str
    title: str
    note: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure."""

    label: str
    figure: str
    aside: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything the templates need beside the report."""

    subject: str
    lede: str
    regions: str
    types: list[str]
    missing: list[str]
    tiles: list[Tile]
    sections: list[Section]
    multiples: list[Section]
    regions_left_out: int
    videos: Table[Video]
    pages: Table[Page]
    searches: Table[Keyword]
    completed: int
    """Searches."""
    planned: int
    grid: list[tuple[str, list[SearchCoverage]]]


def percent(share: float | None) -> str:
    """One decimal; unknown stays a word, and what is above 0 never reads as 0."""
    if share is None:
        return "unknown"
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def region_name(code: str) -> str:
    """As in "United States"; an unknown code as it is."""
    return REGIONS[code].name if code in REGIONS else code


def build_view(report: Report) -> View:
    """All that is shown, with long tables cut."""
    rows: dict[tuple[str, str | None], list[Company]] = {}
    for row in report.companies:
        rows.setdefault((row.content_type, row.region), []).append(row)
    types = list(dict.fromkeys(cell.content_type for cell in report.coverage.searches))
    regions = list(dict.fromkeys(report.meta.regions))
    first = types[0]
    by_region = {region: rows.get((first, region), []) for region in regions}
    cells = {(cell.content_type, cell.region): cell for cell in report.coverage.searches}
    done = {type_: sum(cells[type_, region].completed for region in regions) for type_ in types}
    scale = _scale([row for found in by_region.values() for row in found])
    client = report.meta.company
    return View(
        subject=client.name if client else "Who is found in this market",
        lede=_lede(rows.get((first, None), []), first, done[first]),
        regions=_named(regions),
        types=[_TITLES.get(type_, type_) for type_ in types],
        missing=_missing(report),
        tiles=_tiles(rows.get((first, None), []), first, done[first]),
        sections=[
            Section(
                id=type_,
                title=_TITLES.get(type_, type_),
                note=_NOTES.get(type_, "All regions together."),
                chart=_chart(
                    rows.get((type_, None), []), SECTION_ROWS if number else TABLE_ROWS, done[type_]
                ),
            )
            for number, type_ in enumerate(types)
        ],
        multiples=[
            Section(
                id=region,
                title=region_name(region),
                note=f"{cells[first, region].completed:,} of {cells[first, region].planned:,} searches",
                chart=_chart(found, REGION_ROWS, cells[first, region].completed, scale),
            )
            for region, found in list(by_region.items())[:REGION_CARDS]
            if len(regions) > 1
        ],
        regions_left_out=max(0, len(regions) - REGION_CARDS),
        videos=_cut(report.videos),
        pages=_cut(
            [page for page in report.pages if page.content_type == first],
            next(cover.found for cover in report.coverage.pages if cover.content_type == first),
        ),
        searches=_cut([row for row in report.keywords if row.content_type == first]),
        completed=sum(done.values()),
        planned=sum(cell.planned for cell in cells.values()),
        grid=[(region_name(region), [cells[type_, region] for type_ in types]) for region in regions],
    )


def _cut(rows: Sequence[T], found: int | None = None) -> Table[T]:
    """The first rows of `found` ones, where the report itself has not all of them."""
    return Table(rows[:TABLE_ROWS], max(0, (found or len(rows)) - TABLE_ROWS))


def _scale(rows: list[Company]) -> float:
    """The longest band; the end of every axis."""
    return max((row.share_high or 0.0 for row in rows), default=0.0) or 1.0


def _chart(rows: list[Company], limit: int, searches: int, scale: float | None = None) -> Chart:
    """The strongest rows, and those of the client and its competitors wherever they rank."""
    ranked = list(enumerate(rows, start=1))
    shown = [(rank, row) for rank, row in ranked if rank <= limit or row.role in _PARTIES]
    left_out = [
        row.share_of_voice or 0.0 for rank, row in ranked if rank > limit and row.role not in _PARTIES
    ]
    nothing = ""
    if not searches:
        nothing = "No search has been completed here, so the shares are unknown."
    elif not any(row.appearances for row in rows):
        nothing = "The completed searches show no results."
    return Chart(shown, scale or _scale(rows), len(left_out), math.fsum(left_out), nothing)


def _strongest_client(rows: list[Company]) -> tuple[int, Company] | None:
    return next(((rank, row) for rank, row in enumerate(rows, start=1) if row.role == "client"), None)


def _lede(rows: list[Company], content_type: str, searches: int) -> str:
    ranking = [row for row in rows if row.appearances]
    if not searches:
        return f"No {content_type} search has been completed yet: the shares are unknown."
    if not ranking:
        return f"The {content_type} searches completed so far show no results."
    client = _strongest_client(rows)
    leader = ranking[0]
    if client and not client[1].appearances:
        return (
            f"{client[1].name} does not rank in any of {_counted(searches, 'search', 'searches')}. "
            f"{leader.name} leads with {percent(leader.share_of_voice)} of the {content_type} clicks."
        )
    if client:
        rank, row = client
        return (
            f"{row.name} may expect {percent(row.share_of_voice)} of the {content_type} clicks in this market: "
            f"rank {rank:,} of {_counted(len(ranking), 'domain', 'domains')}."
        )
    return (
        f"{leader.name} leads with {percent(leader.share_of_voice)} of the {content_type} clicks to be expected, "
        f"among {_counted(len(ranking), 'domain', 'domains')}."
    )


def _tiles(rows: list[Company], content_type: str, searches: int) -> list[Tile]:
    ranking = [row for row in rows if row.appearances]
    if not ranking:
        return []
    rank, row = _strongest_client(rows) or (1, ranking[0])
    whose = "" if row.role == "client" else f"{row.name}, "
    other = next((found for found in ranking if found is not row), None)
    tiles = [
        Tile(
            f"Share of voice, {content_type}",
            percent(row.share_of_voice),
            f"{whose}band {percent(row.share_low)} to {percent(row.share_high)}",
        ),
        Tile(
            "Rank",
            f"{rank:,}" if row.appearances else "none",
            f"{whose}of {_counted(len(ranking), 'domain', 'domains')}",
        ),
        Tile(
            "Keyword coverage",
            percent(row.keyword_coverage),
            f"{whose}first 20 of {_counted(searches, 'search', 'searches')}",
        ),
    ]
    if other:
        gap = (row.share_of_voice or 0.0) - (other.share_of_voice or 0.0)
        label = "Lead" if gap >= 0 else "Behind the leader"
        tiles.append(
            Tile(label, f"{abs(100 * gap):.1f} points", f"{other.name} has {percent(other.share_of_voice)}")
        )
    return tiles


def _missing(report: Report) -> list[str]:
    """What was planned and is not in the figures: a line per content type and per phase."""
    lines = []
    by_type: dict[str, list[SearchCoverage]] = {}
    for cell in report.coverage.searches:
        by_type.setdefault(cell.content_type, []).append(cell)
    for type_, cells in by_type.items():
        planned, completed = sum(cell.planned for cell in cells), sum(cell.completed for cell in cells)
        if completed < planned:
            where = _named([cell.region for cell in cells if cell.completed < cell.planned])
            line = f"{_TITLES.get(type_, type_)}: {planned - completed:,} of {_counted(planned, 'search', 'searches')}"
            lines.append(f"{line} missing ({where})")
    for phase in report.coverage.phases:
        counts = {
            "failed": phase.failed,
            "skipped": phase.skipped,
            "open": phase.open,
            "degraded": phase.degraded,
        }
        if found := [f"{number:,} {name}" for name, number in counts.items() if number]:
            lines.append(f"Phase {phase.phase.replace('_', ' ')}: {', '.join(found)} of {phase.planned:,}")
    return lines


def _named(regions: Sequence[str]) -> str:
    names = [region_name(code) for code in regions[:NAMED_REGIONS]]
    if more := len(regions) - len(names):
        names.append(f"{more} more")
    return ", ".join(names)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
