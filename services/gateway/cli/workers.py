"""`landscape workers`: which processes there are, and what they do."""

from pathlib import Path

import click

from services.gateway.cli import api, listing, options


@click.command("workers")
@click.option("--services", is_flag=True, help="Summed up by service.")
@options.data_dir
@options.output
def command(services: bool, data_dir: Path, form: str) -> int:
    """Worker processes; those that died within the hour are shown as not alive."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"/monitoring/{'services' if services else 'workers'}")
    if services:
        columns: tuple[str, ...] = (
            "service",
            "replicas",
            "versions",
            "jobs",
            "threads",
            "load",
            "seen_at",
            "leader",
        )
    else:
        columns = ("holder", "service", "version", "alive", "jobs", "threads", "calls", "leads", "seen_at")
    listing.rows(found, form, columns[0], columns)
    return 0
