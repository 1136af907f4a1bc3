"""`landscape clone`: another pipeline with the same configuration, but for what is said."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from services.gateway.cli import api, options, plan
from services.gateway.cli.consent import Consent, acts
from shared.domain.pipeline import PipelineConfig
from shared.domain.takeover import overridden


@click.command("clone")
@click.argument("pipeline_id", type=click.UUID)
@click.option(
    "--with",
    "overrides",
    type=click.File("r", encoding="utf-8"),
    help="JSON with the fields of a start's body that differ.",
)
@options.data_dir
@acts
def command(pipeline_id: UUID, overrides: Any, data_dir: Path, consent: Consent) -> int:
    """Start a pipeline as PIPELINE_ID was. Nothing is taken over; stored facts answer while they are fresh."""
    try:
        body = json.load(overrides) if overrides else {}
    except ValueError as error:
        raise click.BadParameter(f"--with is no JSON: {error}") from None
    with api.connect(data_dir) as gateway:
        if consent.dry_run:
            found = gateway.ask("POST", "/pipeline/plan", json=_whole(gateway, pipeline_id, body))
            return plan.foretell(consent, (f"start this:\n{plan.render(found)}", found))
        started = gateway.ask("POST", f"/pipeline/{pipeline_id}/clone", json=body)
        consent.tell(started, started["pipeline_id"])
    return 0


def _whole(gateway: api.Api, pipeline_id: UUID, body: dict[str, Any]) -> Any:
    """The body of a start that does what the clone would."""
    config = gateway.ask("GET", f"/pipeline/{pipeline_id}")["config"]
    return json.loads(overridden(json.dumps(body).encode(), msgspec.convert(config, PipelineConfig)))
