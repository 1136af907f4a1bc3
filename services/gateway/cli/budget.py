"""`landscape budget`: what a pipeline may spend in all; shown, or set."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, listing, options
from services.gateway.cli.consent import Consent, acts


@click.command("budget")
@options.steered
@click.argument("amount", type=click.FloatRange(min=0), required=False)
@options.data_dir
@acts
@options.output
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    amount: float | None,
    data_dir: Path,
    form: str,
    consent: Consent,
) -> int:
    """What PIPELINE_ID may spend and what is committed; with AMOUNT it may spend so much in all, from the next call on."""
    path = f"/pipeline/{pipeline_id}/budget"
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("GET", path)
            return f"let {pipeline_id} spend {amount:,.2f} in all; now: {render(found)}", found

        if amount is None:
            listing.one(gateway.ask("GET", path), form, str(pipeline_id), render)
        elif consent.free(foresee):
            body = {"budget": amount, **options.signed(actor, reason)}
            found = gateway.ask("PUT", path, json=body)
            consent.tell(found, render(found))
    return 0


def render(found: dict[str, Any]) -> str:
    """A line: the budget, and what is committed of it."""
    if found["budget"] is None:
        return "no budget"
    return f"{found['committed']:,.2f} of {found['budget']:,.2f} committed"
