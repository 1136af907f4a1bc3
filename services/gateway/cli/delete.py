"""`landscape delete`: a pipeline that has ended goes, but for what it bought."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts


@click.command("delete")
@click.argument("pipeline_id", type=click.UUID)
@options.reason
@options.data_dir
@acts
def command(pipeline_id: UUID, reason: str, data_dir: Path, consent: Consent) -> int:
    """Delete PIPELINE_ID. Its calls and the facts they bought stay."""
    path, params = f"/pipeline/{pipeline_id}", {"reason": reason}
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("DELETE", path, params=params | {"dry_run": "true"})
            return f"delete pipeline {pipeline_id} with its {found['items']} items and their results", found

        if consent.asked(foresee):
            done = gateway.ask("DELETE", path, params=params)
            consent.tell(done, f"{done['items']} items are deleted")
    return 0
