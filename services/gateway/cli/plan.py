"""`landscape plan`: what a start would take, in calls, money and time; nothing is started."""

from pathlib import Path
from typing import Any

import click

from services.gateway.cli import api, exits, keyword_file, listing, options
from services.gateway.cli.consent import Consent, Foreseen


@click.command("plan")
@options.searches
@click.option("--budget", type=click.FloatRange(min=0), help="What may be spent in all.")
@options.data_dir
@options.output
def command(  # noqa: PLR0917  click passes them by name
    keywords: tuple[str, ...],
    file: Any,
    regions: tuple[str, ...],
    types: tuple[str, ...],
    budget: float | None,
    data_dir: Path,
    form: str,
) -> int:
    """What a pipeline for KEYWORDS would take. Exit code 1 when it is over --budget. `start --plan` takes everything else."""
    body = keyword_file.searches(keywords, file, regions, types)
    if budget is not None:
        body["config"] = {"budget": budget}
    with api.connect(data_dir) as gateway:
        return show(gateway, body, form)


def show(gateway: api.Api, body: dict[str, Any], form: str) -> int:
    """Print the plan of a start's body; exit code."""
    found = gateway.ask("POST", "/pipeline/plan", json=body)
    listing.one(found, form, [phase["phase"] for phase in found["phases"]], render)
    return _code(found)


def foretell(consent: Consent, foreseen: Foreseen) -> int:
    """Print, on a dry run, what a start would take; exit code."""
    consent.free(lambda: foreseen)
    return _code(foreseen[1])


def _code(found: dict[str, Any]) -> int:
    return exits.ERROR if found["affordable"] is False else 0


def render(found: dict[str, Any]) -> str:
    """A line per phase, then the sums."""
    lines = [f"{'phase':<20}{'items':>22}{'calls':>22}{'money':>22}{'quota days':>14}"]
    for phase in found["phases"]:
        quota = phase["quota_days"]
        lines.append(
            f"{phase['phase']:<20}{_range(phase['items']):>22}{_range(phase['calls']):>22}"
            f"{_range(phase['money'], 2):>22}{'-' if quota is None else format(quota['expected'], '.2f'):>14}"
        )
        if phase["from_store"]:
            lines.append(f"  {phase['from_store']} of its items are answered by what is stored")
    lines.append(f"money {_range(found['money'], 2)}, without {', '.join(found['unpriced']) or 'exception'}")
    lines.append(
        f"about {found['seconds']['expected']:.0f} s; later phases learnt from {found['learnt_from']}"
    )
    if found["affordable"] is False:
        lines.append(f"over the budget of {found['budget']:g}: a start is refused")
    return "\n".join(lines)


def _range(figure: dict[str, float] | None, digits: int = 0) -> str:
    if figure is None:
        return "unknown"
    low, high = (f"{figure[name]:,.{digits}f}" for name in ("low", "high"))
    return low if low == high else f"{low} to {high}"
