"""`landscape resume`: a pipeline that failed, has gaps or was cancelled goes on."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts


@click.command("resume")
@options.steered
@click.option("--failed-only", is_flag=True, help="Leave out what was given up or cancelled.")
@options.data_dir
@acts
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID, actor: str, reason: str, failed_only: bool, data_dir: Path, consent: Consent
) -> int:
    """Do again, by its frozen configuration, what PIPELINE_ID did not complete."""
    body: dict[str, Any] = {"resume_failed_only": failed_only, **options.signed(actor, reason)}
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.steer(str(pipeline_id), "resume", **body, dry_run=True)
            return f"go on with {pipeline_id}: {found['items']} items are due again", found

        if consent.free(foresee):
            resumed = gateway.steer(str(pipeline_id), "resume", **body)
            consent.tell(resumed, f"{resumed['state']}: {resumed['items']} items are due again")
    return 0
