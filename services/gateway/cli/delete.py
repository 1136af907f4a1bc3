"""`landscape delete`: a pipeline that has ended goes, but for what it bought."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("delete")
@click.argument("pipeline_id", type=click.UUID)
@click.option("--reason", default="", help="Why; kept with what was done.")
@options.sure
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID, reason: str, dry_run: bool, yes: bool, data_dir: Path, as_json: bool
) -> int:
    """Delete PIPELINE_ID. Its calls and the facts they bought stay."""
    if not options.goes_on(f"delete pipeline {pipeline_id}", dry_run=dry_run, yes=yes):
        return 0
    with api.connect(data_dir) as gateway:
        done = gateway.ask("DELETE", f"/pipeline/{pipeline_id}", params={"reason": reason})
    click.echo(json.dumps(done) if as_json else f"{done['items']} items are deleted")
    return 0
