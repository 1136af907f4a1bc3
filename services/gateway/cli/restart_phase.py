"""`landscape restart-phase`: a phase of a paused or ended pipeline is done again."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options
from shared.domain.phases import PHASES


@click.command("restart-phase")
@options.steered
@click.argument("phase", type=click.Choice(list(PHASES)))
@click.option("--rebuy", is_flag=True, help="Buy again what is stored.")
@options.sure
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    phase: str,
    rebuy: bool,
    dry_run: bool,
    yes: bool,
    data_dir: Path,
    as_json: bool,
) -> int:
    """Do PHASE of PIPELINE_ID again, and find anew what only its results had named."""
    if not options.goes_on(f"do {phase} of {pipeline_id} again", dry_run=dry_run, yes=yes):
        return 0
    with api.connect(data_dir) as gateway:
        done = gateway.steer(
            str(pipeline_id),
            f"phases/{phase}/restart",
            rebuy=rebuy,
            **options.signed(actor, reason),
        )
    click.echo(
        json.dumps(done) if as_json else f"{done['set_back']} items are due again, {done['removed']} removed"
    )
    return 0
