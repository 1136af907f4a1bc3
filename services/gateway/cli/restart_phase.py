"""`landscape restart-phase`: a phase of a paused or ended pipeline is done again."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts
from shared.domain.phases import PHASES


@click.command("restart-phase")
@options.steered
@click.argument("phase", type=click.Choice(list(PHASES)))
@click.option("--rebuy", is_flag=True, help="Buy again what is stored.")
@options.data_dir
@acts
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    phase: str,
    rebuy: bool,
    data_dir: Path,
    consent: Consent,
) -> int:
    """Do PHASE of PIPELINE_ID again, and find anew what only its results had named."""
    verb = f"phases/{phase}/restart"
    body: dict[str, Any] = {"rebuy": rebuy, **options.signed(actor, reason)}
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.steer(str(pipeline_id), verb, **body, dry_run=True)
            lost = f"{found['checkpoints_removed']} checkpoints go, {found['facts_expired']} facts are bought again"
            return f"do {phase} of {pipeline_id} again: {_came(found)}, {lost}", found

        if consent.asked(foresee):
            done = gateway.steer(str(pipeline_id), verb, **body)
            consent.tell(done, _came(done))
    return 0


def _came(found: dict[str, Any]) -> str:
    return f"{found['set_back']} items are due again, {found['removed']} removed"
