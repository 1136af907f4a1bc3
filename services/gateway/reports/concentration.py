"""Geometry of the concentration curve: how much of a market's clicks the first companies hold together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from services.gateway.reports.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick
from shared.domain.report_insights import MarketRow
from shared.domain.report_schema import Company

#: Companies the curve goes to.
DRAWN: Final = 50
#: Companies whose share together stands in the table; and that of all.
READ: Final = (1, 2, 3, 5, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class Step:
    """The share of so many companies together."""

    companies: int
    share: float


@dataclass(frozen=True, slots=True)
class Concentration:
    """Platforms included, as in the index: shares are of all that rank."""

    content_type: str
    outline: str
    """Points of the curve."""
    end: Tick
    """Where the dashed line of so many equal companies ends: across, and down."""
    steps: Sequence[Step]
    counts: Sequence[Tick]
    levels: Sequence[Tick]
    index: float
    """Herfindahl-Hirschman, 0 to 1."""
    effective: float
    left_out: int
    """Companies beyond the curve's end."""


def concentration(
    rows: Sequence[Company], markets: Sequence[MarketRow], content_type: str
) -> Concentration | None:
    """Of all keywords in all regions; `rows` are all companies of that market. None: the shares are unknown."""
    market = next(
        (
            row
            for row in markets
            if (row.landscape, row.region, row.content_type) == (None, None, content_type)
        ),
        None,
    )
    shares = sorted((row.share_of_voice for row in rows if row.share_of_voice), reverse=True)
    if market is None or not market.concentration or not market.effective_companies or len(shares) < 2:
        return None
    drawn = min(DRAWN, len(shares))
    together = [min(1.0, share) for share in accumulate(shares)]

    def x(companies: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * companies / drawn

    equal = min(market.effective_companies, float(drawn))
    every = max(1, math.ceil(drawn / 10))
    return Concentration(
        content_type,
        " ".join(f"{x(n):.1f},{_level(share):.1f}" for n, share in enumerate([0.0, *together[:drawn]])),
        Tick(x(equal), _level(equal / market.effective_companies)),
        [Step(n, together[n - 1]) for n in sorted({n for n in READ if n <= len(shares)} | {len(shares)})],
        [Tick(x(n), n) for n in range(0, drawn + 1, every)],
        [Tick(_level(n / 4), n / 4) for n in range(5)],
        market.concentration,
        market.effective_companies,
        len(shares) - drawn,
    )


def _level(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(1.0, share))
