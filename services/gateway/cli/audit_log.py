"""`landscape audit-log`: who asked for which write, when, why, and what came of it."""

import json
from pathlib import Path
from typing import Any

import click

from services.gateway.cli import api, options


@click.command("audit-log")
@click.option("--by", "actor", help="Of this actor.")
@click.option("--operation", help="Of this operation, such as startPipeline.")
@click.option("--target", help="With this in their path, such as the id of a pipeline.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    actor: str | None,
    operation: str | None,
    target: str | None,
    limit: int,
    data_dir: Path,
    as_json: bool,
) -> int:
    """The newest writes that were asked of the API."""
    params = {"limit": str(limit)}
    params |= {"actor": actor} if actor else {}
    params |= {"operation": operation} if operation else {}
    params |= {"target": target} if target else {}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", "/audit-log", params=params)
    click.echo(json.dumps(found) if as_json else "\n".join(map(render, found["items"])) or "no write yet")
    return 0


def render(entry: dict[str, Any]) -> str:
    """A line."""
    status = "not answered" if entry["status"] is None else entry["status"]
    who = f"{entry['actor']} by key {entry['key_name']}"
    why = f": {entry['reason']}" if entry["reason"] else ""
    return f"{entry['asked_at']}  {status}  {entry['operation']} {entry['path']}  {who}{why}"
