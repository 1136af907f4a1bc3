"""`landscape cancel`: a pipeline ends before its time."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("cancel")
@options.steered
@options.data_dir
@options.as_json
def command(pipeline_id: UUID, actor: str, reason: str, data_dir: Path, as_json: bool) -> int:
    """End PIPELINE_ID: what is completed stays, calls in flight are recorded, the rest is skipped."""
    with api.connect(data_dir) as gateway:
        steered = gateway.steer(str(pipeline_id), "cancel", actor=actor, reason=reason)
    click.echo(json.dumps(steered) if as_json else steered["state"])
    return 0
