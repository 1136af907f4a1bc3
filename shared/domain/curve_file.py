"""A click-through curve of the user's own, from a CSV file: a line per position."""

import csv
import io
from typing import Final

from shared.domain.curves import DEEPEST, LISTED, OwnCurve, chosen
from shared.errors import InputError, Problem

#: Name of the second column -> what its numbers are a part of.
_UNITS: Final = {"share": 1.0, "percent": 100.0}
#: A file of twenty lines is never longer.
_LONGEST: Final = 10_000


def read_curve(text: str, curve_id: str, version: str = "1") -> OwnCurve:
    """The curve of a file with the header `position,share` (0 to 1) or `position,percent` (0 to 100).

    Positions run from 1 without a hole, to 10 at least and to 20 at most; those the file does not name get
    no clicks. Raises InputError with one Problem per wrong line, or when the clicks sum above all of them.
    """
    if len(text) > _LONGEST:
        raise InputError(
            Problem("", f"the file is longer than {_LONGEST:,} characters; it is no click curve")
        )
    lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if len(header) != 2 or header[0] != "position" or header[1] not in _UNITS:
        detail = "the first line must be position,share (0 to 1) or position,percent (0 to 100)"
        raise InputError(Problem("/1", detail))
    whole = _UNITS[header[1]]
    shares: list[float] = []
    problems: list[Problem] = []
    for number, line in enumerate((line for line in lines[1:] if any(map(str.strip, line))), 2):
        try:
            position, figure = line
            if int(position) != len(shares) + 1:
                raise ValueError(f"position {len(shares) + 1} was expected")  # noqa: TRY301  one way out
            shares.append(float(figure) / whole)
        except ValueError as error:
            problems.append(
                Problem(f"/{number}", f"{','.join(line)[:60]!r} is no position with its clicks: {error}")
            )
            shares.append(0.0)
    if not problems and not LISTED <= len(shares) <= DEEPEST:
        problems.append(Problem("", f"{LISTED} to {DEEPEST} positions are needed, not {len(shares)}"))
    if problems:
        raise InputError(*problems)
    own = OwnCurve(curve_id, tuple(shares), version)
    try:
        chosen(own)
    except ValueError as error:
        raise InputError(Problem("", str(error))) from None
    return own


def written(own: OwnCurve) -> str:
    """The curve as such a file: what `read_curve` reads back."""
    lines = [f"{position},{share!r}" for position, share in enumerate(own.shares, 1)]
    lines += [f"{position},{own.tail!r}" for position in range(len(own.shares) + 1, DEEPEST + 1) if own.tail]
    return "\n".join(["position,share", *lines, ""])
