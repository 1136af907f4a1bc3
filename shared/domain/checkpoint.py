"""Checkpoints: positions of a pipeline that can be verified and gone back to; when one is due. Pure."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from shared.domain.phases import CLOSING, PHASES
from shared.errors import InputError, Problem

Kind = Literal["interval", "phase", "named"]

#: Names an operator may give: they stand in paths and on command lines.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}", re.ASCII)


class Counted(msgspec.Struct, frozen=True):
    """Items of a phase at one moment."""

    completed: int
    open: int
    """Pending or processing."""
    ended: int
    """Completed, failed or skipped."""


class Last(msgspec.Struct, frozen=True):
    """What the checkpoints of a pipeline say so far."""

    completed: int = 0
    """Items completed at the last one that was due by number."""
    phases: Mapping[str, int] = {}
    """Phases whose end has one, with the items of the phase completed then."""


class Due(msgspec.Struct, frozen=True):
    """A checkpoint to be written."""

    name: str
    kind: Kind
    phase: str | None = None


def due(counted: Mapping[str, Counted], last: Last, interval: int) -> list[Due]:
    """Checkpoints to be written now: by number of completed items, and for phases that have come to their end.

    Closing phases do not count: their figures follow from everything else.
    """
    bought = {name: phase for name, phase in counted.items() if name not in CLOSING}
    completed = sum(phase.completed for phase in bought.values())
    found = [
        Due(f"{name}@{phase.completed}", "phase", name)
        for name, phase in sorted(bought.items())
        if phase.ended and not _is_open(name, counted) and last.phases.get(name) != phase.completed
    ]
    if completed // interval > last.completed // interval:
        found.append(Due(f"items@{completed}", "interval"))
    return found


def _is_open(phase: str, counted: Mapping[str, Counted]) -> bool:
    """Whether anything of it is open, or may still be found."""
    if phase in counted and counted[phase].open:
        return True
    return (
        any(_is_open(upstream, counted) for upstream in PHASES[phase].upstream) if phase in PHASES else False
    )


def check_name(name: str) -> None:
    """Raises InputError for what is no name of a checkpoint."""
    if not _NAME.fullmatch(name):
        detail = "a name has at most 100 letters, digits, dots, hyphens, underscores and @, a letter or digit first"
        raise InputError(Problem("/name", detail))
