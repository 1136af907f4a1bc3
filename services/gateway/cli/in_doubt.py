"""`landscape in-doubt`: calls that may have been charged, and what became of them."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("in-doubt")
@options.steered
@click.option(
    "--decide",
    type=click.Choice(["rebuy", "charged", "not_charged"]),
    help="Say of all of them what they cost: nobody knows, what was set aside, nothing. What waits for it goes on.",
)
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID, actor: str, reason: str, decide: str | None, data_dir: Path, as_json: bool
) -> int:
    """Calls of PIPELINE_ID that left and have no recorded answer, newest first, unless --decide is given."""
    path = f"/pipeline/{pipeline_id}/in-doubt"
    with api.connect(data_dir) as gateway:
        if decide:
            body = {"decision": decide, **options.signed(actor, reason)}
            found = gateway.ask("POST", f"{path}/decide", json=body)
            click.echo(json.dumps(found) if as_json else f"{found['calls']} calls decided")
            return 0
        found = gateway.ask("GET", path, params={"limit": "1000"})
    click.echo(json.dumps(found) if as_json else "\n".join(map(render, found["items"])) or "none")
    return 0


def render(call: dict[str, Any]) -> str:
    """A line: which call, what it may have cost, and what is known of it."""
    units = "unknown units" if call["units"] is None else f"at most {call['units']:g} units"
    state = call["decision"] or ("not bought since" if call["holds"] else "bought since")
    what = f"{call['provider']} {call['endpoint']}, {call['subjects']} subjects"
    return (
        f"{call['sent_at']}  {call['call_id']}  {what}, {units}: {call['error'] or call['outcome']}; {state}"
    )
