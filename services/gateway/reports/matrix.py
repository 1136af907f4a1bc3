"""Geometry of matrices: how much of each landscape, theme and SERP feature goes to each company."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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

_PARTIES: Final = frozenset({"client", "competitor"})
#: Kinds of content that say what it is about; how it sounds does not.
_AXES: Final = ("journey_phase", "page_type", "persona", "dimension")

_Shares = dict[tuple[str, str], dict[str, float]]
"""By kind and name of the line, then by company. The kind is empty where there is only one."""


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
    """Lines from top to bottom, companies from left to right, strongest first."""

    companies: Sequence[Company]
    lines: Sequence[Line]
    wide: float
    """A field."""
    height: float
    companies_left_out: int
    lines_left_out: int


def landscape_matrix(report: Report, headline: Sequence[Company], content_type: str) -> Matrix | None:
    """Share of voice by landscape, all regions. None: fewer than two landscapes have known shares."""
    found: _Shares = {}
    for row in report.companies:
        if row.landscape and row.content_type == content_type and row.region is None and row.share_of_voice:
            found.setdefault(("", row.landscape), {})[row.company] = row.share_of_voice
    return _matrix(found, list(found), headline) if len(found) > 1 else None


def theme_matrix(report: Report, headline: Sequence[Company]) -> Matrix | None:
    """Shares of the clicks of each theme's pages; the largest themes. None: nothing was analysed."""
    found: _Shares = {}
    for row in report.theme_shares:
        if row.axis in _AXES:
            found.setdefault((row.axis, row.theme), {})[row.company] = row.share
    clicks = {(row.axis, row.theme): row.expected_clicks for row in report.themes if row.region is None}
    return _matrix(found, sorted(found, key=lambda theme: -clicks.get(theme, 0.0)), headline)


def feature_matrix(report: Report, headline: Sequence[Company]) -> Matrix | None:
    """Ownership by feature, all regions. None: no feature is known to lead to anybody."""
    found: _Shares = {}
    for row in report.feature_owners:
        if row.region is None and row.ownership:
            found.setdefault(("", row.feature), {})[row.company] = row.ownership
    return _matrix(found, list(found), headline)


def _matrix(found: _Shares, order: Sequence[tuple[str, str]], headline: Sequence[Company]) -> Matrix | None:
    """The first lines in `order`, as they are found; client and competitors, then the strongest in any of these."""
    first = set(order[:LINES])
    shown = {line: shares for line, shares in found.items() if line in first}
    listed = {company for shares in shown.values() for company in shares}
    ranking = [row for row in headline if row.company in listed or row.role in _PARTIES]
    chosen = sorted(ranking, key=lambda row: row.role not in _PARTIES)[:COLUMNS]
    names = {row.company for row in chosen}
    companies = [row for row in ranking if row.company in names]
    most = max((share for of in shown.values() for name, share in of.items() if name in names), default=0.0)
    if not most:
        return None
    wide = min(WIDEST, (WIDTH - NAMES - SLANT) / len(companies))
    lines: list[Line] = []
    y, before = HEAD, ""
    for (kind, name), shares in shown.items():
        opens = kind != before
        y, before = y + (KIND if opens else 0.0), kind
        fields = [_field(NAMES + wide * n, shares.get(row.company), most) for n, row in enumerate(companies)]
        lines.append(Line(name, kind, opens, y, fields))
        y += ROW
    return Matrix(
        companies,
        lines,
        wide,
        y + SEAM,
        len(ranking) - len(companies),
        len(found) - len(shown),
    )


def _field(x: float, share: float | None, most: float) -> Field:
    return Field(x, share, LIGHTEST + (DARKEST - LIGHTEST) * share / most if share is not None else 0.0)
