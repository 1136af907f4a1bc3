"""`landscape retry-failed`: a pipeline's failed items are worked on again."""

from pathlib import Path
from typing import Any

import click

from services.gateway.cli import api, operations, options
from services.gateway.cli.consent import Consent, acts
from shared.domain.phases import PHASES


@click.command("retry-failed")
@options.pipeline_id
@click.option("--phase", type=click.Choice(list(PHASES)), help="Only of this phase.")
@click.option("--category", help="Only those that failed with this category.")
@click.option("--max", "most", type=click.IntRange(min=1), help="At most so many, the oldest first.")
@options.reason
@options.data_dir
@acts
def command(
    pipeline_id: str | None,
    *,
    phase: str | None,
    category: str | None,
    most: int | None,
    reason: str,
    data_dir: Path,
    consent: Consent,
) -> int:
    """Failed and given-up items of PIPELINE_ID, or of the newest. An ended pipeline goes on."""
    body = {"phase": phase, "category": category, "max": most, "reason": reason}
    with api.connect(data_dir) as gateway:
        pipeline_id = pipeline_id or gateway.newest()
        path = f"/monitoring/pipeline/{pipeline_id}/retry-failed"

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("POST", path, json=body | {"dry_run": True})
            return f"try {found['items']} items of {pipeline_id} again", found

        if consent.asked(foresee):
            done = gateway.ask("POST", path, json=body)
            text = operations.begun(done) or f"{done['items']} items are due again in {pipeline_id}"
            consent.tell(done, text)
    return 0
