"""What the page shows of the tables beside shares: the strongest rows of each, and companies one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.report_insights import PARTIES, Feature, FeatureOwner, MarketRow, Mover, Theme, ThemeShare
from shared.domain.report_schema import Company, Page, Report

#: Companies shown one by one, beside client and competitors.
DRILLED: Final = 5
#: Of a company: pages and themes. Of a feature: owners.
PAGES: Final = 5
THEMES: Final = 8
OWNERS: Final = 3
_ROWS: Final = 25


@dataclass(frozen=True, slots=True)
class Drilled:
    """One company."""

    row: Company
    """All regions together."""
    regions: list[Company]
    pages: list[Page]
    themes: list[ThemeShare]


def drilled(report: Report) -> list[Drilled]:
    """Client and competitors, then the strongest others, in web results."""
    organic = [row for row in report.companies if row.landscape is None and row.content_type == "organic"]
    whole = [row for row in organic if row.region is None]
    parties = [row for row in whole if row.role in PARTIES]
    others = [row for row in whole if row.role == "other" and row.appearances][:DRILLED]
    chosen = sorted(parties, key=lambda row: row.role) + others
    regions: dict[str, list[Company]] = {row.company: [] for row in chosen}
    for row in organic:
        if row.company in regions:
            regions[row.company].append(row)
    return [
        Drilled(
            row,
            regions[row.company],
            [p for p in report.pages if p.content_type == "organic" and p.domain in row.domains][:PAGES],
            [t for t in report.theme_shares if t.company == row.company][:THEMES],
        )
        for row in chosen
    ]


def features(report: Report) -> list[tuple[Feature, list[FeatureOwner]]]:
    """Features that stand on any page, all regions, with those they lead to most."""
    return [
        (row, [o for o in report.feature_owners if o.region is None and o.feature == row.feature][:OWNERS])
        for row in report.features
        if row.region is None and row.present
    ]


def markets(report: Report) -> Sequence[MarketRow]:
    """Of all keywords."""
    return [row for row in report.markets if row.landscape is None]


def themes(report: Report) -> Sequence[Theme]:
    """All regions together."""
    return [row for row in report.themes if row.region is None]


def moved(report: Report) -> Sequence[Mover]:
    """Over all regions, the largest changes."""
    return [row for row in report.movers if row.region is None][:_ROWS]
