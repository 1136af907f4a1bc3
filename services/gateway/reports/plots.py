"""Geometry of the page's larger drawings: who reaches how far and stands how high, and how shares moved."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.report_insights import PARTIES, Mover
from shared.domain.report_schema import Company

#: Units of the drawings' own coordinates.
WIDTH: Final = 720.0
HEIGHT: Final = 400.0
LEFT: Final = 56.0
RIGHT: Final = 24.0
TOP: Final = 24.0
BOTTOM: Final = 52.0
#: Bubbles, beside client and competitors; and how large they are.
BUBBLES: Final = 15
LARGEST: Final = 34.0
SMALLEST: Final = 4.0
#: Bands of companies; what is left is one more.
BANDS: Final = 7
#: Room at the right of the bands for their names, and how high a band must be to be named there.
NAMES: Final = 190.0
NAMED: Final = 15.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Bubble:
    """A company: how many searches it is found in, how high it stands in them, and how many clicks it may expect."""

    row: Company
    number: int
    """In the drawing, and in the table beside it."""
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Bubbles:
    """By number; and the same, the largest first, so that none is hidden."""

    listed: Sequence[Bubble]
    drawn: Sequence[Bubble]
    coverage: Sequence[Tick]
    positions: Sequence[Tick]
    left_out: int


def bubbles(rows: Sequence[Company]) -> Bubbles | None:
    """Of one market, strongest first. None: nobody ranks in it, or no clicks are known."""
    known = [row for row in rows if row.expected_clicks and row.keyword_coverage and row.average_position]
    shown = [row for number, row in enumerate(known) if number < BUBBLES or row.role in PARTIES]
    if not shown:
        return None
    reach = _round_up(max(row.keyword_coverage or 0.0 for row in shown))
    depth = max(5.0, 5.0 * math.ceil(max(row.average_position or 0.0 for row in shown) / 5))
    most = max(row.expected_clicks or 0.0 for row in shown)

    def x(coverage: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * coverage / reach

    def y(position: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (position - 1) / (depth - 1)

    listed = [
        Bubble(
            row,
            number,
            x(row.keyword_coverage or 0.0),
            y(row.average_position or 0.0),
            max(SMALLEST, LARGEST * math.sqrt((row.expected_clicks or 0.0) / most)),
        )
        for number, row in enumerate(shown, 1)
    ]
    places = [1.0, *(5.0 * n for n in range(1, int(depth) // 5 + 1))]
    return Bubbles(
        listed,
        sorted(listed, key=lambda bubble: -bubble.radius),
        [Tick(x(reach * n / 4), reach * n / 4) for n in range(5)],
        [Tick(y(place), place) for place in places],
        len(known) - len(shown),
    )


@dataclass(frozen=True, slots=True)
class Band:
    """A company's share, or that of all others, from then to now."""

    name: str
    role: str
    shares: Sequence[float]
    """At each stop."""
    outline: str
    """Points of the area."""
    middle: float
    """Of its right end."""
    named: bool
    """It is high enough there for its name."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Shares of one market as bands that fill the whole, at two stops, or at three where the method is another one."""

    content_type: str
    stops: Sequence[float]
    bands: Sequence[Band]
    levels: Sequence[Tick]

    @property
    def broken(self) -> bool:
        """Whether the method changed: the stop between is the earlier pipeline by the later one's method."""
        return len(self.stops) > 2


def trend(movers: Sequence[Mover], content_type: str) -> Trend | None:
    """Over all regions. None: nothing was compared, or one of the two has no known share."""
    rows = [row for row in movers if row.content_type == content_type and row.region is None]
    if not any(row.before for row in rows) or not any(row.now for row in rows):
        return None
    broken = any(row.method_effect for row in rows)
    strongest = sorted(
        rows, key=lambda row: (row.role not in PARTIES, -max(row.before, row.now), row.company)
    )
    shares: list[tuple[str, str, list[float]]] = [
        (row.name, row.role, _stops(row, broken)) for row in strongest[:BANDS]
    ]
    rest = [max(0.0, 1 - math.fsum(at)) for at in zip(*(found for *_, found in shares), strict=True)]
    shares.append(("All others", "rest", rest))
    right = WIDTH - NAMES
    stops = [LEFT + (right - LEFT) * n / (len(rest) - 1) for n in range(len(rest))]
    bands, floor = [], [0.0] * len(rest)
    for name, role, found in shares:
        ceiling = [low + share for low, share in zip(floor, found, strict=True)]
        corners = [
            *zip(stops, map(_level, ceiling), strict=True),
            *reversed(list(zip(stops, map(_level, floor), strict=True))),
        ]
        top, bottom = _level(ceiling[-1]), _level(floor[-1])
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        bands.append(Band(name, role, found, outline, (top + bottom) / 2, bottom - top >= NAMED))
        floor = ceiling
    return Trend(content_type, stops, bands, [Tick(_level(n / 4), n / 4) for n in range(5)])


def _stops(row: Mover, broken: bool) -> list[float]:
    return [row.before, *([row.before + row.method_effect] if broken else []), row.now]


def _level(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(1.0, share))


def _round_up(share: float) -> float:
    """To the next share that divides well into four."""
    return next((end for end in (0.04, 0.08, 0.2, 0.4, 0.6, 0.8) if share <= end), 1.0)
