"""`landscape checkpoint`: positions of a pipeline, listed, verified, or written down under a name."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, exits, listing, options
from services.gateway.cli.consent import Consent, acts
from shared.errors import ConflictError


@click.command("checkpoint")
@options.steered
@click.option("--name", help="Write the present position down under this name.")
@click.option("--verify", metavar="NAME", help="Hold this one against the record.")
@options.data_dir
@acts
@options.output
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    name: str | None,
    verify: str | None,
    data_dir: Path,
    form: str,
    consent: Consent,
) -> int:
    """Checkpoints of PIPELINE_ID, newest first, unless --name or --verify is given. Exit code 1 when one does not hold."""
    if name and verify:
        raise click.UsageError("--name and --verify are two things: one at a time")
    with api.connect(data_dir) as gateway:
        if verify:
            found = gateway.verify_checkpoint(str(pipeline_id), verify)
            listing.one(found, form, verify, lambda verified: verified["detail"])
            return 0 if found["passed"] else exits.ERROR
        if not name:
            listed = gateway.checkpoints(str(pipeline_id))
            listing.rows(listed, form, "name", ("created_at", "name", "completed"))
        elif consent.free(lambda: _foresee(gateway, pipeline_id, name)):
            written = gateway.steer(
                str(pipeline_id), "checkpoints", name=name, **options.signed(actor, reason)
            )
            line = f"{written['created_at']}  {written['name']}  {written['completed']} completed"
            consent.tell(written, line)
    return 0


def _foresee(gateway: api.Api, pipeline_id: UUID, name: str) -> tuple[str, Any]:
    if name in {there["name"] for there in gateway.checkpoints(str(pipeline_id))["items"]}:
        raise ConflictError(f"pipeline {pipeline_id} has a checkpoint {name} already; choose another name")
    progress = gateway.progress(str(pipeline_id))
    completed = sum(phase["completed"] for phase in progress["phases"])
    return (
        f"write down {name}: {pipeline_id} is {progress['state']} with {completed} items completed",
        progress,
    )
