"""`landscape unpause`: a paused pipeline goes on."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("unpause")
@options.steered
@options.data_dir
@options.as_json
def command(pipeline_id: UUID, actor: str, reason: str, data_dir: Path, as_json: bool) -> int:
    """Go on with PIPELINE_ID after a pause."""
    with api.connect(data_dir) as gateway:
        steered = gateway.steer(str(pipeline_id), "unpause", actor=actor, reason=reason)
    click.echo(json.dumps(steered) if as_json else steered["state"])
    return 0
