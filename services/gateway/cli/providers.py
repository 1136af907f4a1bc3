"""`landscape providers`: limits, quota and spending today, and how long the quota lasts."""

from pathlib import Path

import click

from services.gateway.cli import api, listing, options

_COLUMNS = (
    "profile.service", "breaker", "profile.concurrency", "profile.requests_per_second", "units_today", "units_left",
    "profile.unit", "money_today", "units_last_hour", "seconds_to_exhaustion", "seconds_to_reset",
)  # fmt: skip


@click.command("providers")
@options.data_dir
@options.output
def command(data_dir: Path, form: str) -> int:
    """Providers whose workers have run."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", "/monitoring/providers")
    listing.rows(found, form, "profile.service", _COLUMNS)
    return 0
