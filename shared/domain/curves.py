"""Click-through curves: the share of a search's clicks that a position gets.

A built-in curve is an estimate over somebody else's traffic. That is why every share of voice is given
with its band over all of them.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

#: Positions a curve lists one by one.
LISTED: Final = 10
#: The last position that gets any click.
DEEPEST: Final = 20
#: What adding up a distribution may come to above 1.
ROUNDING: Final = 1e-12
#: Share of each position from 11 to 20. SISTRIX says well under 1 %.
TAIL: Final = 0.005


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares in [0, 1]. Positions 1 to 10 or further as listed, then to 20 the tail, beyond 0.

    One search never hands out more than all its clicks: where listed shares and tail come to more than
    1, all of them are scaled down together, which keeps every ratio between positions.
    """

    id: str
    version: str
    shares: tuple[float, ...]
    """Positions from 1, ten to twenty of them, before scaling. They must not sum above 1."""
    tail: float = TAIL
    _scaled: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        whole = (*self.shares, *(self.tail,) * (DEEPEST - len(self.shares)))
        if not LISTED <= len(self.shares) <= DEEPEST or not all(0 <= share <= 1 for share in whole):
            raise ValueError(
                f"curve {self.id!r} needs {LISTED} to {DEEPEST} shares and a tail between 0 and 1"
            )
        if math.fsum(self.shares) > 1 + ROUNDING:
            raise ValueError(f"curve {self.id!r} is no distribution of clicks: its shares sum above 1")
        total = math.fsum(whole)
        if not total > 0:
            raise ValueError(f"curve {self.id!r} hands out no clicks at all")
        object.__setattr__(self, "_scaled", tuple(share / max(total, 1.0) for share in whole))

    def ctr(self, position: int) -> float:
        """Expected share of the clicks at a position, from 1. Raises ValueError below 1."""
        if position < 1:
            raise ValueError(f"positions count from 1, not {position}")
        return self._scaled[position - 1] if position <= DEEPEST else 0.0


class OwnCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A curve somebody measured, from Search Console for instance, as it is given at a start."""

    id: Annotated[str, Meta(min_length=1, max_length=100)]
    shares: Annotated[tuple[float, ...], Meta(min_length=LISTED, max_length=DEEPEST)]
    """Of the clicks, by position from 1; each in [0, 1]."""
    version: Annotated[str, Meta(min_length=1, max_length=100)] = "1"
    tail: float = 0.0
    """Each position from the last of `shares` to 20."""


DEFAULT: Final = "sistrix-2020"

#: The accepted built-ins. serpvoyager is not among them: its shares sum to 115.5 %.
CURVES: dict[str, Curve] = {
    built_in.id: built_in
    for built_in in (
        # 80 million keywords.
        Curve(DEFAULT, "1", (0.285, 0.157, 0.110, 0.080, 0.072, 0.051, 0.040, 0.032, 0.028, 0.025)),
        # 4 million results.
        Curve("backlinko", "1", (0.276, 0.158, 0.110, 0.084, 0.063, 0.049, 0.039, 0.033, 0.027, 0.024)),
        # Results pages without other blocks.
        Curve(
            "firstpagesage-2025", "1", (0.398, 0.187, 0.102, 0.072, 0.051, 0.044, 0.030, 0.021, 0.019, 0.016)
        ),
        # For comparison with reports of the first generation.
        Curve(
            "legacy", "1", (0.2823, 0.1572, 0.1073, 0.0775, 0.0588, 0.0459, 0.0369, 0.0302, 0.0252, 0.0214)
        ),
    )
}


def curve(curve_id: str) -> Curve:
    """A built-in curve. Raises ValueError naming the known ids."""
    if curve_id not in CURVES:
        raise ValueError(f"unknown curve {curve_id!r}; known: {', '.join(CURVES)}")
    return CURVES[curve_id]


def chosen(given: str | OwnCurve) -> Curve:
    """A built-in curve by its id, or the curve given. Raises ValueError for an unknown id or no distribution."""
    if isinstance(given, str):
        return curve(given)
    if given.id in CURVES:
        raise ValueError(f"{given.id!r} is the id of a built-in curve; give yours another one")
    return Curve(given.id, given.version, given.shares, given.tail)
