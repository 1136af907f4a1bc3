"""`landscape rewind`: what a pipeline did after a checkpoint is taken back, and done again."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts


@click.command("rewind")
@options.steered
@click.argument("name")
@click.option(
    "--rebuy", is_flag=True, help="Buy again what was bought since; else stored answers answer again."
)
@options.data_dir
@acts
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    name: str,
    rebuy: bool,
    data_dir: Path,
    consent: Consent,
) -> int:
    """Go back to the checkpoint NAME of PIPELINE_ID, which must be paused or have ended, and on from there."""
    verb = f"checkpoints/{api.quoted(name)}/rewind"
    body: dict[str, Any] = {"rebuy": rebuy, **options.signed(actor, reason)}
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.steer(str(pipeline_id), verb, **body, dry_run=True)
            lost = f"{found['checkpoints_removed']} checkpoints go, {found['facts_expired']} facts are bought again"
            return f"rewind {pipeline_id} to {name}: {_came(found)}, {lost}", found

        if consent.asked(foresee):
            rewound = gateway.steer(str(pipeline_id), verb, **body)
            consent.tell(rewound, f"{rewound['state']}: {_came(rewound)}")
    return 0


def _came(found: dict[str, Any]) -> str:
    return f"{found['set_back']} items are due again, {found['removed']} are gone until they are found again"
