"""`landscape checkpoint`: positions of a pipeline, listed, verified, or written down under a name."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, exits, options


@click.command("checkpoint")
@options.steered
@click.option("--name", help="Write the present position down under this name.")
@click.option("--verify", metavar="NAME", help="Hold this one against the record.")
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    name: str | None,
    verify: str | None,
    data_dir: Path,
    as_json: bool,
) -> int:
    """Checkpoints of PIPELINE_ID, newest first, unless --name or --verify is given. Exit code 1 when one does not hold."""
    if name and verify:
        raise click.UsageError("--name and --verify are two things: one at a time")
    with api.connect(data_dir) as gateway:
        if verify:
            found = gateway.verify_checkpoint(str(pipeline_id), verify)
            click.echo(json.dumps(found) if as_json else found["detail"])
            return 0 if found["passed"] else exits.ERROR
        if name:
            written = gateway.steer(
                str(pipeline_id), "checkpoints", name=name, **options.signed(actor, reason)
            )
            click.echo(json.dumps(written) if as_json else _line(written))
            return 0
        listed = gateway.checkpoints(str(pipeline_id))
    click.echo(json.dumps(listed) if as_json else "\n".join(map(_line, listed)) or "none yet")
    return 0


def _line(checkpoint: dict[str, object]) -> str:
    return f"{checkpoint['created_at']}  {checkpoint['name']}  {checkpoint['completed']} completed"
