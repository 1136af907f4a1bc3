"""`landscape retry-failed`: a pipeline's failed items are worked on again."""

from pathlib import Path

import click

from services.gateway.cli import api, operations, options
from shared.domain.phases import PHASES


@click.command("retry-failed")
@options.pipeline_id
@click.option("--phase", type=click.Choice(list(PHASES)), help="Only of this phase.")
@click.option("--category", help="Only those that failed with this category.")
@click.option("--max", "most", type=click.IntRange(min=1), help="At most so many, the oldest first.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@click.option("--reason", default="", help="Why; it stays in the history.")
@options.data_dir
def command(
    pipeline_id: str | None,
    *,
    phase: str | None,
    category: str | None,
    most: int | None,
    dry_run: bool,
    reason: str,
    data_dir: Path,
) -> int:
    """Failed and given-up items of PIPELINE_ID, or of the newest. An ended pipeline goes on."""
    body = {
        "phase": phase,
        "category": category,
        "max": most,
        "dry_run": dry_run,
        "reason": reason,
    }
    with api.connect(data_dir) as gateway:
        pipeline_id = pipeline_id or gateway.newest()
        done = gateway.ask("POST", f"/monitoring/pipeline/{pipeline_id}/retry-failed", json=body)
    if said := operations.begun(done):
        click.echo(said)
        return 0
    click.echo(f"{done['items']} items {'would be' if dry_run else 'are'} due again in {pipeline_id}")
    return 0
