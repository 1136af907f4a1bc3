"""`landscape audit-log`: who asked for which write, when, why, and what came of it."""

from pathlib import Path

import click

from services.gateway.cli import api, listing, options

_COLUMNS: tuple[listing.Column, ...] = (
    "asked_at", ("answer", lambda entry: entry["status"] or "not answered"), "operation", "path", "actor", "key_name",
    ("reason", lambda entry: entry["reason"] or None),
)  # fmt: skip


@click.command("audit-log")
@click.option("--by", "actor", help="Of this actor.")
@click.option("--operation", help="Of this operation, such as startPipeline.")
@click.option("--target", help="With this in their path, such as the id of a pipeline.")
@click.option("--cursor", help="Of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.output
def command(data_dir: Path, form: str, **given: object) -> int:
    """The newest writes that were asked of the API."""
    params = {name: value for name, value in given.items() if value}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", "/audit-log", params=params)
    listing.rows(found, form, "entry_id", _COLUMNS)
    return 0
