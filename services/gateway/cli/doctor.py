"""`landscape doctor`: is everything here that a pipeline needs? A line per check, and what to do about it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from services.gateway.cli import exits, options
from services.gateway.cli.listing import one
from services.gateway.doctor.checkup import checkup
from services.gateway.doctor.finding import Finding, Verdict


@click.command("doctor")
@click.option("--data-dir", type=click.Path(path_type=Path), default=options.DATA_DIR, show_default=True, help="Of `landscape up`.")  # fmt: skip
@click.option("--live", is_flag=True, help="Also call each provider that has a key once: for nothing, or its smallest price.")  # fmt: skip
@options.output
def command(data_dir: Path, live: bool, form: str) -> int:
    """Check Python, libraries, settings, ports, disk, stores, clocks and providers' keys.

    Exit code 0 when there is nothing to fix, else 1. Without --live no provider is called; with it, a provider's
    answer is also compared, field by field, with what is expected. Keys are never shown. As JSON one object a line.
    """
    fixes = 0
    for finding in checkup(os.environ, data_dir, live=live):
        fixes += finding.verdict is Verdict.FIX
        one(msgspec.to_builtins(finding), form, finding.check, _lines(finding))
    if form == "table":
        click.echo("nothing to fix" if not fixes else f"{fixes} to fix, see FIX above")
    return exits.ERROR if fixes else 0


def _lines(finding: Finding) -> Callable[[Any], str]:
    return lambda _: "\n".join(render(finding))


def render(finding: Finding) -> Iterator[str]:
    """A line, and one more for each difference."""
    cure = f"; {finding.fix}" if finding.fix else ""
    yield f"  {finding.verdict:4} {finding.check}: {finding.detail}{cure}"
    for difference in finding.differences:
        yield f"         {difference}"
