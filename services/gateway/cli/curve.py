"""A click curve as the command line takes it: the id of a built-in one, or a file."""

from pathlib import Path

import click

from shared.domain.curve_file import read_curve
from shared.domain.curves import CURVES, OwnCurve
from shared.errors import InputError


def read(given: str) -> str | OwnCurve:
    """The id as it is, or the curve of the file, which goes by the file's name."""
    if given in CURVES:
        return given
    path = Path(given)
    if not path.is_file():
        raise click.BadParameter(f"{given!r} is neither a file nor a built-in curve: {', '.join(CURVES)}")
    try:
        return read_curve(path.read_text(encoding="utf-8-sig"), path.stem)
    except UnicodeDecodeError:
        raise click.BadParameter(f"{given} is no UTF-8 text") from None
    except InputError as error:
        lines = (
            f"line {p.pointer.lstrip('/')}: {p.detail}" if p.pointer else p.detail for p in error.problems
        )
        raise click.BadParameter(f"{given}: {'; '.join(lines)}") from None
