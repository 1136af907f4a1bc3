"""`landscape resume`: a pipeline that failed, has gaps or was cancelled goes on."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("resume")
@options.steered
@click.option("--failed-only", is_flag=True, help="Leave out what was given up or cancelled.")
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID, actor: str, reason: str, failed_only: bool, data_dir: Path, as_json: bool
) -> int:
    """Do again, by its frozen configuration, what PIPELINE_ID did not complete."""
    with api.connect(data_dir) as gateway:
        resumed = gateway.steer(
            str(pipeline_id), "resume", resume_failed_only=failed_only, **options.signed(actor, reason)
        )
    click.echo(
        json.dumps(resumed) if as_json else f"{resumed['state']}: {resumed['items']} items are due again"
    )
    return 0
