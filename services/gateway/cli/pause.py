"""`landscape pause`: a pipeline starts no more calls for now."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("pause")
@options.steered
@options.data_dir
@options.as_json
def command(pipeline_id: UUID, actor: str, reason: str, data_dir: Path, as_json: bool) -> int:
    """Start no more calls of PIPELINE_ID; those in flight end and are recorded."""
    with api.connect(data_dir) as gateway:
        steered = gateway.steer(str(pipeline_id), "pause", actor=actor, reason=reason)
    click.echo(json.dumps(steered) if as_json else steered["state"])
    return 0
