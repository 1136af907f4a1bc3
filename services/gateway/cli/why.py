"""`landscape why`: why a pipeline, an item or a service does not go on, and what to do about it."""

from pathlib import Path
from typing import Any

import click

from services.gateway.cli import api, listing, options
from shared.domain.phases import PHASES


@click.command("why")
@options.pipeline_id
@click.option("--phase", type=click.Choice(list(PHASES)), help="Of an item; with --key.")
@click.option("--key", help="Of an item, as the API shows it.")
@click.option("--service", help="Of a service, such as serp, instead of a pipeline.")
@options.data_dir
@options.output
def command(
    pipeline_id: str | None,
    *,
    phase: str | None,
    key: str | None,
    service: str | None,
    data_dir: Path,
    form: str,
) -> int:
    """Why PIPELINE_ID, or the newest, an item of it or a service does not go on."""
    if (phase is None) != (key is None):
        raise click.UsageError("an item needs both --phase and --key")
    if service and (pipeline_id or phase):
        raise click.UsageError("name a pipeline or a service, not both")
    with api.connect(data_dir) as gateway:
        if service:
            found = gateway.ask("GET", f"/monitoring/services/{api.quoted(service)}/why")
        else:
            path = f"/pipeline/{pipeline_id or gateway.newest()}"
            found = (
                gateway.ask("GET", f"{path}/items/{phase}/why", params={"key": key})
                if phase
                else gateway.ask("GET", f"{path}/why")
            )
    listing.one(found, form, found["gate"], render)
    return 0


def render(found: dict[str, Any]) -> str:
    """The sentence, what to do, and what stands behind it."""
    lines = [found["sentence"], f"  to do: {found['what_to_do']}"]
    if found["command"]:
        lines.append(f"  {found['command']}")
    lines += [f"  also {held['gate']}: {held['reason']}" for held in found["also"]]
    return "\n".join(lines)
