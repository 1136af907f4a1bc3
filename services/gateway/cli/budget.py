"""`landscape budget`: what a pipeline may spend in all; shown, or set."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("budget")
@options.steered
@click.argument("amount", type=click.FloatRange(min=0), required=False)
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID, actor: str, reason: str, amount: float | None, data_dir: Path, as_json: bool
) -> int:
    """What PIPELINE_ID may spend and what is committed; with AMOUNT it may spend so much in all, from the next call on."""
    path = f"/pipeline/{pipeline_id}/budget"
    with api.connect(data_dir) as gateway:
        if amount is None:
            found = gateway.ask("GET", path)
        else:
            found = gateway.ask("PUT", path, json={"budget": amount, "actor": actor, "reason": reason})
    click.echo(json.dumps(found) if as_json else render(found))
    return 0


def render(found: dict[str, Any]) -> str:
    """A line: the budget, and what is committed of it."""
    if found["budget"] is None:
        return "no budget"
    return f"{found['committed']:,.2f} of {found['budget']:,.2f} committed"
