"""How pages write numbers, moments and names."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

UNKNOWN: Final = "unknown"
#: Stands where there is nothing to tell.
NOTHING: Final = "\N{EN DASH}"
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 60 * 60, 24 * 60 * 60
_SPANS: Final = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"))
#: Characters of an id that are shown; the whole one is in the link.
_ID: Final = 8


def count(value: float | None) -> str:
    """1,234; a dash for what nobody counted."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def whole(value: float) -> str:
    """1,234, of a figure whose fractions mean nothing."""
    return f"{value:,.0f}"


def exact(value: float) -> str:
    """As it is typed: 1234.5, and 20 for 20.0."""
    return f"{value:.15g}"


def money(value: float | None) -> str:
    """Of the installation's own currency; unknown is not 0."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def percent(value: float | None) -> str:
    """12.3 %, of a share."""
    return NOTHING if value is None else f"{value:.1%}"


def moment(value: str | None) -> str:
    """An ISO time, to the second, in UTC."""
    return NOTHING if value is None else f"{parsed(value):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float | None) -> str:
    """The two largest units of a time that passes."""
    if seconds is None:
        return NOTHING
    left, parts = max(0, round(seconds)), list[str]()
    for size, name in _SPANS:
        if left >= size or (name == "s" and not parts):
            parts.append(f"{left // size} {name}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2])


def since(value: str | None) -> str:
    """How long ago, or in how long, an ISO time is."""
    if value is None:
        return NOTHING
    seconds = (datetime.now(UTC) - parsed(value)).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def plural(count: int, what: str) -> str:
    """1 item, 1,234 items."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def parsed(value: str) -> datetime:
    """An ISO time as the API writes it."""
    return msgspec.convert(value, datetime)


def words(name: str) -> str:
    """A name of the code as a reader's words."""
    return name.replace("_", " ")


def short(identity: str) -> str:
    """The part of an id that tells pipelines apart: the first characters are the time of the start."""
    return identity[-_ID:]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "count": count,
    "whole": whole,
    "exact": exact,
    "money": money,
    "percent": percent,
    "moment": moment,
    "span": span,
    "since": since,
    "words": words,
    "short": short,
    "plural": plural,
    "pretty": lambda value: msgspec.json.format(msgspec.json.encode(value), indent=2).decode(),
}
