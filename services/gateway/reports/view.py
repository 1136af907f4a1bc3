"""What the page shows of a report: the strongest rows of each table, and the sentences about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from services.gateway.reports import insights, plots
from services.gateway.reports.concentration import Concentration, concentration
from services.gateway.reports.matrix import Matrix, feature_matrix, landscape_matrix, theme_matrix
from services.gateway.reports.mix import Mix, mix
from services.gateway.reports.wording import (
    TITLES,
    Tile,
    counted,
    lede,
    missing,
    named,
    region_name,
    tiles,
)
from shared.domain.report_coverage import AnalysisCoverage, MassCoverage, SearchCoverage, VolumeCoverage
from shared.domain.report_insights import PARTIES, Feature, FeatureOwner, MarketRow, Mover, Theme
from shared.domain.report_schema import Company, Gap, Keyword, Page, Report, Video

#: Rows of a long table.
TABLE_ROWS: Final = 25
#: Rows of the tables of news and video.
SECTION_ROWS: Final = 10
#: Rows of the chart of a region or a landscape. The client and its competitors come on top.
CARD_ROWS: Final = 6
#: Small charts of regions, and of landscapes.
CARDS: Final = 24

_NOTES: Final = {
    "organic": "All regions together. The headline figure: web results only, news and video are not in it.",
    "news": "All regions together. The news tab has its own share of voice; it is not part of the organic one.",
    "video": "All regions together. Most videos are hosted on YouTube, which is one platform; Videos says whose they are.",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """The first rows of a table, and how many it has beyond."""

    rows: Sequence[T]
    left_out: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows with bars, strongest first."""

    rows: list[Company]
    scale: float
    """The share that fills the whole width."""
    left_out: int
    left_out_share: float
    nothing: str
    """Instead of the rows, why there are none."""


@dataclass(frozen=True, slots=True)
class Section:
    """One content type over all regions, or one region or landscape of the first one."""

    id: str
    title: str
    note: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class Cards:
    """Small charts with one scale, and how many did not fit."""

    cards: list[Section]
    left_out: int


@dataclass(frozen=True, slots=True)
class View:
    """Everything the templates need beside the report."""

    subject: str
    lede: str
    regions: str
    types: list[str]
    off: list[str]
    """Phases the pipeline does without."""
    missing: list[str]
    tiles: list[Tile]
    strength: Chart | None
    """Digital Strength Index; None: no web results were asked for."""
    sections: list[Section]
    by_region: Cards
    by_landscape: Cards
    gaps: Table[Gap]
    gained: float
    """Clicks of all gaps of known volume."""
    videos: Table[Video]
    pages: Table[Page]
    analysed: bool
    """Whether any page of the table was."""
    searches: Table[Keyword]
    completed: int
    """Searches."""
    planned: int
    grid: list[tuple[str, list[SearchCoverage], VolumeCoverage, AnalysisCoverage | None]]
    drilled: list[insights.Drilled]
    features: list[tuple[Feature, list[FeatureOwner]]]
    markets: Sequence[MarketRow]
    themes: Sequence[Theme]
    movers: Sequence[Mover]
    bubbles: plots.Bubbles | None
    """Of the first content type, all regions."""
    trend: plots.Trend | None
    """Likewise, against the earlier pipeline."""
    concentration: Concentration | None
    """Likewise."""
    mix: Mix | None
    landscape_matrix: Matrix | None
    theme_matrix: Matrix | None
    feature_matrix: Matrix | None
    mass: Sequence[MassCoverage]
    """Empty where nothing is there yet."""


def build_view(report: Report) -> View:
    """All that is shown, with long tables cut."""
    rows: dict[tuple[str | None, str, str | None], list[Company]] = {}
    for row in report.companies:
        rows.setdefault((row.landscape, row.content_type, row.region), []).append(row)
    types = list(dict.fromkeys(cell.content_type for cell in report.coverage.searches))
    first = types[0]
    headline = rows.get((None, first, None), [])
    web = rows.get((None, "organic", None), [])
    cells = {(cell.content_type, cell.region): cell for cell in report.coverage.searches}
    done = {type_: sum(c.completed for (of, _), c in cells.items() if of == type_) for type_ in types}
    client = report.meta.company
    pages = [page for page in report.pages if page.content_type == first]
    return View(
        subject=client.name if client else "Who is found in this market",
        lede=lede(headline, first, done[first]),
        regions=named(list(dict.fromkeys(report.meta.regions))),
        types=[TITLES.get(type_, type_) for type_ in types],
        off=[phase.phase.replace("_", " ") for phase in report.coverage.off],
        missing=missing(report, headline, first),
        tiles=tiles(headline, first, done[first]),
        strength=_strength(headline, report) if first == "organic" else None,
        sections=[
            Section(
                id=type_,
                title=TITLES.get(type_, type_),
                note=_NOTES.get(type_, "All regions together."),
                chart=_chart(
                    rows.get((None, type_, None), []), SECTION_ROWS if number else TABLE_ROWS, done[type_]
                ),
            )
            for number, type_ in enumerate(types)
        ],
        by_region=_by_region(
            report, {region: rows.get((None, first, region), []) for _, region in cells}, first
        ),
        by_landscape=_by_landscape(
            report, {name: rows.get((name, first, None), []) for name in report.meta.landscapes}, first
        ),
        gaps=_cut(report.gaps),
        gained=math.fsum(gap.opportunity or 0.0 for gap in report.gaps),
        videos=_cut(report.videos),
        pages=_cut(
            pages, next(cover.found for cover in report.coverage.pages if cover.content_type == first)
        ),
        analysed=any(page.relevance is not None or page.journey_phase for page in pages[:TABLE_ROWS]),
        searches=_cut([row for row in report.keywords if row.content_type == first]),
        completed=sum(done.values()),
        planned=sum(cell.planned for cell in cells.values()),
        grid=_grid(report, types, cells),
        drilled=insights.drilled(report),
        features=insights.features(report),
        markets=insights.markets(report),
        themes=insights.themes(report),
        movers=insights.moved(report),
        bubbles=plots.bubbles(headline),
        trend=plots.trend(report.movers, first),
        concentration=concentration(headline, report.markets, first),
        mix=mix(report, types),
        landscape_matrix=landscape_matrix(report, headline, first),
        theme_matrix=theme_matrix(report, web),
        feature_matrix=feature_matrix(report, web),
        mass=report.coverage.mass if any(row.share for row in report.coverage.mass) else (),
    )


def _cut(rows: Sequence[T], found: int | None = None) -> Table[T]:
    """The first rows of `found` ones, where the report itself has not all of them."""
    return Table(rows[:TABLE_ROWS], max(0, (found or len(rows)) - TABLE_ROWS))


def _scale(rows: list[Company]) -> float:
    """The longest band; the end of every axis."""
    return max((row.share_high or 0.0 for row in rows), default=0.0) or 1.0


def _chart(rows: list[Company], limit: int, searches: int, scale: float | None = None) -> Chart:
    """The strongest rows, and those of the client and its competitors wherever they rank."""
    shown = [row for number, row in enumerate(rows) if number < limit or row.role in PARTIES]
    left_out = [row.share_of_voice or 0.0 for row in rows[limit:] if row.role not in PARTIES]
    nothing = ""
    if not searches:
        nothing = "No search has been completed here, so the shares are unknown."
    elif not any(row.appearances for row in rows):
        nothing = "The completed searches show no results."
    elif all(row.share_of_voice is None for row in rows):
        nothing = "The volume of no completed search is known, so the shares are unknown."
    return Chart(shown, scale or _scale(rows), len(left_out), math.fsum(left_out), nothing)


def _strength(rows: list[Company], report: Report) -> Chart:
    """Companies by index, ranked ones first; the client and its competitors always."""
    known = [row for row in rows if row.dsi is not None or row.role in PARTIES]
    known.sort(key=lambda row: (row.dsi_rank is None, row.dsi_rank or 0, -(row.dsi or 0.0), row.company))
    shown = [row for number, row in enumerate(known) if number < TABLE_ROWS or row.role in PARTIES]
    off = [phase for phase in report.coverage.off if phase.phase in {"content_scraping", "content_analysis"}]
    nothing = ""
    if all(row.dsi is None for row in rows):
        nothing = (
            off[0].effect if off else "No page that ranks has been analysed yet, so the index is unknown."
        )
    return Chart(shown, 100.0, len(known) - len(shown), 0.0, nothing)


def _by_region(report: Report, rows: dict[str, list[Company]], first: str) -> Cards:
    if len(rows) < 2:
        return Cards([], 0)
    scale = _scale([row for found in rows.values() for row in found])
    cells = {cell.region: cell for cell in report.coverage.searches if cell.content_type == first}
    cards = [
        Section(
            id=region,
            title=region_name(region),
            note=f"{cells[region].completed:,} of {counted(cells[region].planned, 'search', 'searches')}",
            chart=_chart(found, CARD_ROWS, cells[region].completed, scale),
        )
        for region, found in list(rows.items())[:CARDS]
    ]
    return Cards(cards, len(rows) - len(cards))


def _by_landscape(report: Report, rows: dict[str, list[Company]], first: str) -> Cards:
    scale = _scale([row for found in rows.values() for row in found])
    reach = {
        cover.landscape: cover
        for cover in report.coverage.companies
        if cover.content_type == first and cover.region is None
    }
    cards = [
        Section(
            id=f"landscape-{number}",
            title=name,
            note=f"{counted(reach[name].keywords, 'keyword', 'keywords')}, "
            f"{counted(reach[name].found, 'company or platform ranks', 'companies and platforms rank')}",
            chart=_chart(found, CARD_ROWS, reach[name].searches, scale),
        )
        for number, (name, found) in enumerate(list(rows.items())[:CARDS], 1)
    ]
    return Cards(cards, len(rows) - len(cards))


def _grid(
    report: Report, types: list[str], cells: dict[tuple[str, str], SearchCoverage]
) -> list[tuple[str, list[SearchCoverage], VolumeCoverage, AnalysisCoverage | None]]:
    analysed = {cover.region: cover for cover in report.coverage.analysis}
    return [
        (
            region_name(volumes.region),
            [cells[type_, volumes.region] for type_ in types],
            volumes,
            analysed.get(volumes.region),
        )
        for volumes in report.coverage.volumes
    ]
