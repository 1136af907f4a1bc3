"""`landscape migrate`: bring the database to this code's schema."""

import click

from shared import config


@click.command("migrate")
def command() -> None:
    """Apply the migrations the database lacks, and print their names."""
    settings = config.load()
    settings.require("postgres_url")
    from shared.store.migrate import migrate  # noqa: PLC0415  psycopg costs 0.15 s; a missing setting is said at once

    for name in migrate(settings.postgres_url):
        click.echo(name)
