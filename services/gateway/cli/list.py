"""`landscape list`: pipelines, the newest first."""

from pathlib import Path

import click

from services.gateway.cli import api, listing, options


@click.command("list")
@click.option("--state", "in_state", multiple=True, help="In this state; may be given several times.")
@click.option("--name", help="Part of the company's name.")
@click.option("--since", help="Started at this time or later, as in 2026-11-01T00:00:00Z.")
@click.option("--until", help="Started before.")
@click.option("--cursor", help="Of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.output
def command(data_dir: Path, form: str, **given: object) -> int:
    """Pipelines that meet every condition given."""
    params = {name: value for name, value in given.items() if value}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", "/pipeline", params=params)
    listing.rows(found, form, "pipeline_id", ("pipeline_id", "state", "name", "items", "open", "created_at"))
    return 0
