"""Geometry of matrices: how much of each landscape, theme and SERP feature goes to each company."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.report_insights import PARTIES, FeatureOwner, Role, ThemeShare
from shared.domain.report_schema import Company, Report

#: Units of the drawings' own coordinates.
WIDTH: Final = 720.0
NAMES: Final = 200.0
HEAD: Final = 104.0
#: Room at the right for the last company's name, which is written at a slant.
SLANT: Final = 76.0
ROW: Final = 28.0
#: Above the first line of a kind, for the kind's name.
KIND: Final = 24.0
#: Between fields.
SEAM: Final = 2.0
#: Companies, and what they are compared in.
COLUMNS: Final = 9
LINES: Final = 16
#: A field is no wider, however few companies there are.
WIDEST: Final = 74.0
#: How opaque the largest share's field is, so that the figure in it stays readable, and the smallest's.
DARKEST: Final = 0.5
LIGHTEST: Final = 0.05

#: Kinds of content that say what it is about; how it sounds does not.
_AXES: Final = ("journey_phase", "page_type", "persona", "dimension")

_Name = tuple[str, str]
"""Kind and name of a line. The kind is empty where there is only one."""
_Share = tuple[_Name, Company | FeatureOwner | ThemeShare, float]
"""The row says whose."""


@dataclass(frozen=True, slots=True)
class Column:
    """A company. It need not rank in web results."""

    company: str
    """The first of its domains."""
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Field:
    """A company's share of a line."""

    x: float
    share: float | None
    """None: nothing, or too little to be listed."""
    shade: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Line:
    """A landscape, theme or feature."""

    name: str
    kind: str
    """Of theme; empty where all lines are of one kind."""
    opens: bool
    """It is the first of its kind."""
    y: float
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Lines from top to bottom; from left to right the client, its competitors and the others, strongest first."""

    companies: Sequence[Column]
    lines: Sequence[Line]
    wide: float
    """A field."""
    height: float
    companies_left_out: int
    """Of all that have a share of any line, drawn or not."""
    lines_left_out: int


def landscape_matrix(report: Report, headline: Sequence[Company], content_type: str) -> Matrix | None:
    """Share of voice by landscape, all regions; the largest landscapes. None: fewer than two have known shares."""
    shares: list[_Share] = [
        (("", row.landscape), row, row.share_of_voice)
        for row in report.companies
        if row.landscape and row.content_type == content_type and row.region is None and row.share_of_voice
    ]
    clicks = {
        ("", row.landscape): row.expected_clicks or 0.0
        for row in report.markets
        if row.landscape and row.content_type == content_type and row.region is None
    }
    return _matrix(shares, clicks, headline) if len({line for line, _, _ in shares}) > 1 else None


def theme_matrix(report: Report, headline: Sequence[Company]) -> Matrix | None:
    """Shares of the clicks of each theme's pages; the largest themes. None: nothing was analysed."""
    shares: list[_Share] = [
        ((row.axis, row.theme), row, row.share) for row in report.theme_shares if row.axis in _AXES
    ]
    clicks = {(row.axis, row.theme): row.expected_clicks for row in report.themes if row.region is None}
    return _matrix(shares, clicks, headline)


def feature_matrix(report: Report, headline: Sequence[Company]) -> Matrix | None:
    """Ownership by feature, all regions. None: no feature is known to lead to anybody."""
    shares: list[_Share] = [
        (("", row.feature), row, row.ownership)
        for row in report.feature_owners
        if row.region is None and row.ownership
    ]
    return _matrix(shares, {}, headline)


def _matrix(
    shares: Sequence[_Share], sizes: Mapping[_Name, float], headline: Sequence[Company]
) -> Matrix | None:
    """The largest lines, as they are found; client and competitors of `headline`, then the strongest in any of these."""
    found: dict[_Name, dict[str, float]] = {}
    for line, row, share in shares:
        found.setdefault(line, {})[row.company] = share
    first = set(sorted(found, key=lambda line: -sizes.get(line, 0.0))[:LINES])
    shown = {line: of for line, of in found.items() if line in first}
    best: dict[str, float] = {}
    for of in shown.values():
        for company, share in of.items():
            best[company] = max(share, best.get(company, 0.0))
    parties = [row for row in headline if row.role in PARTIES]
    listed = {
        row.company: Column(row.company, row.name, row.role)
        for row in (*parties, *(row for _, row, _ in shares))
    }
    companies = sorted(
        (row for row in listed.values() if row.role in PARTIES or row.company in best),
        key=lambda row: (
            PARTIES.index(row.role) if row.role in PARTIES else len(PARTIES),
            -best.get(row.company, 0.0),
            row.company,
        ),
    )[:COLUMNS]
    most = max((best.get(row.company, 0.0) for row in companies), default=0.0)
    if not most:
        return None
    wide = min(WIDEST, (WIDTH - NAMES - SLANT) / len(companies))
    lines: list[Line] = []
    y, before = HEAD, ""
    for (kind, name), of in shown.items():
        opens = kind != before
        y, before = y + (KIND if opens else 0.0), kind
        fields = [_field(NAMES + wide * n, of.get(row.company), most) for n, row in enumerate(companies)]
        lines.append(Line(name, kind, opens, y, fields))
        y += ROW
    return Matrix(
        companies,
        lines,
        wide,
        y + SEAM,
        len(listed) - len(companies),
        len(found) - len(shown),
    )


def _field(x: float, share: float | None, most: float) -> Field:
    return Field(x, share, LIGHTEST + (DARKEST - LIGHTEST) * share / most if share is not None else 0.0)
