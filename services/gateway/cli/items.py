"""`landscape items`: a page of a pipeline's items, or one with everything that happened to it."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, listing, options
from shared.domain.phases import PHASES


@click.command("items")
@click.argument("pipeline_id", type=click.UUID)
@click.argument("item_id", type=int, required=False)
@click.option("--phase", type=click.Choice(list(PHASES)), help="Of this phase.")
@click.option("--state", "in_state", help="pending, processing, completed, failed or skipped.")
@click.option("--category", help="Whose last error has this category.")
@click.option("--cursor", type=int, help="Of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.output
def command(pipeline_id: UUID, item_id: int | None, data_dir: Path, form: str, **given: object) -> int:
    """Items of PIPELINE_ID by id; with ITEM_ID that one, its result and its attempts, as JSON."""
    path = f"/pipeline/{pipeline_id}/items"
    params = {name: value for name, value in given.items() if value}
    with api.connect(data_dir) as gateway:
        if item_id is not None:
            found = gateway.ask("GET", f"{path}/{item_id}")
            listing.one(
                found, form, str(item_id), lambda item: json.dumps(item, indent=2, ensure_ascii=False)
            )
            return 0
        found = gateway.ask("GET", path, params=params)
    listing.rows(
        found, form, "item_id", ("item_id", "phase", "state", "attempts", "category", "key", "error")
    )
    return 0
