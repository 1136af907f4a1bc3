"""`landscape clone`: another pipeline with the same configuration, but for what is said."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("clone")
@click.argument("pipeline_id", type=click.UUID)
@click.option(
    "--with",
    "overrides",
    type=click.File("r", encoding="utf-8"),
    help="JSON with the fields of a start's body that differ.",
)
@options.data_dir
@options.as_json
def command(pipeline_id: UUID, overrides: Any, data_dir: Path, as_json: bool) -> int:
    """Start a pipeline as PIPELINE_ID was. Nothing is taken over; stored facts answer while they are fresh."""
    try:
        body = json.load(overrides) if overrides else {}
    except ValueError as error:
        raise click.BadParameter(f"--with is no JSON: {error}") from None
    with api.connect(data_dir) as gateway:
        started = gateway.ask("POST", f"/pipeline/{pipeline_id}/clone", json=body)
    click.echo(json.dumps(started) if as_json else started["pipeline_id"])
    return 0
