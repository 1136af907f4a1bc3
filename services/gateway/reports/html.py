"""The report as one self-contained page: inline style and SVG, no script, no request to anywhere."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.gateway.reports.csv import harmless
from services.gateway.reports.view import build_view
from services.gateway.reports.wording import percent, region_name
from shared.domain.report_schema import Report

_UNKNOWN: Final = "unknown"
#: Domains shown below a company's name.
_DOMAINS: Final = 3
#: Characters of an address shown below a title.
_ADDRESS_LENGTH: Final = 80


def render(report: Report) -> str:
    """The page, as HTML text. All text in it that came from outside is escaped."""
    return (
        _environment()
        .get_template("report.html")
        .render(report=report, meta=report.meta, view=build_view(report))
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": _cell,
        "count": _count,
        "day": _day,
        "first_few": _first_few,
        "hundredth": lambda value: _UNKNOWN if value is None else f"{value:,.2f}",
        "is_web": lambda url: url.lower().startswith(("https://", "http://")),
        "of": _of,
        "pct": percent,
        "region": region_name,
        "points": lambda change: f"{100 * change:+.1f}",
        "shortened": _shortened,
        "tenth": lambda value: _UNKNOWN if value is None else f"{value:.1f}",
        "unit": lambda place: f"{place:.1f}",
        "words": lambda name: name.replace("_", " "),
    }
    return environment


def _cell(text: str | None) -> str:
    """A text as a cell that stays text when it is pasted into a spreadsheet."""
    return harmless(text) if text else _UNKNOWN


def _count(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M %Z}".strip()


def _first_few(domains: tuple[str, ...]) -> str:
    more = f" and {len(domains) - _DOMAINS:,} more" if len(domains) > _DOMAINS else ""
    return ", ".join(domains[:_DOMAINS]) + more


def _of(share: float, scale: float) -> str:
    """Length in percent of the longest possible bar."""
    return f"{100 * share / scale:.2f}"


def _shortened(url: str) -> str:
    try:
        parts = urlsplit(url)
        address = unquote(parts.netloc.removeprefix("www.") + parts.path).rstrip("/") or url
    except ValueError:
        address = url
    return address if len(address) <= _ADDRESS_LENGTH else f"{address[: _ADDRESS_LENGTH - 1]}…"
