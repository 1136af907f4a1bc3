"""Commands that steer a pipeline by one word to the API."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


def steering(verb: str, text: str) -> click.Command:
    """The command for a verb of the API; `text` is its help."""

    @click.command(verb, help=text)
    @options.steered
    @options.data_dir
    @options.as_json
    def command(pipeline_id: UUID, actor: str, reason: str, data_dir: Path, as_json: bool) -> int:
        with api.connect(data_dir) as gateway:
            steered = gateway.steer(str(pipeline_id), verb, **options.signed(actor, reason))
        click.echo(json.dumps(steered) if as_json else steered["state"])
        return 0

    return command
