"""Which content types a company's results are of, as parts of one bar."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.report_insights import PARTIES
from shared.domain.report_schema import Company, Report

#: Companies, beside client and competitors.
MIXED: Final = 10


@dataclass(frozen=True, slots=True)
class Part:
    """Results of one content type."""

    content_type: str
    results: int
    start: float
    """Share of the bar before it."""
    share: float
    """Of the company's results."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """A company, or all together."""

    name: str
    role: str
    results: int
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Mix:
    """All together, then those with most results."""

    rows: Sequence[Mixed]
    types: Sequence[str]
    left_out: int


def mix(report: Report, types: Sequence[str]) -> Mix | None:
    """All keywords and regions. Counts, for shares of different types are never summed. None: fewer than two types rank."""
    found: dict[str, Counter[str]] = {}
    known: dict[str, Company] = {}
    for row in report.companies:
        if row.landscape is None and row.region is None and row.content_type in types:
            known[row.company] = row
            found.setdefault(row.company, Counter())[row.content_type] += row.appearances
    whole: Counter[str] = Counter()
    for counts in found.values():
        whole.update(counts)
    if sum(whole[type_] > 0 for type_ in types) < 2:
        return None
    order = sorted(
        (company for company, counts in found.items() if counts.total()),
        key=lambda company: (-found[company].total(), company),
    )
    shown = [name for n, name in enumerate(order) if n < MIXED or known[name].role in PARTIES]
    return Mix(
        [
            _mixed("All together", "rest", whole, types),
            *(_mixed(known[name].name, known[name].role, found[name], types) for name in shown),
        ],
        types,
        len(order) - len(shown),
    )


def _mixed(name: str, role: str, counts: Counter[str], types: Sequence[str]) -> Mixed:
    whole, before = counts.total(), 0
    parts = []
    for type_ in types:
        parts.append(Part(type_, counts[type_], before / whole, counts[type_] / whole))
        before += counts[type_]
    return Mixed(name, role, whole, parts)
