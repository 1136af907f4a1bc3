"""`landscape in-doubt`: calls that may have been charged, and what became of them."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, listing, options
from services.gateway.cli.consent import Consent, acts


def _stands(call: dict[str, Any]) -> str:
    return call["decision"] or ("not bought since" if call["holds"] else "bought since")


_COLUMNS: tuple[listing.Column, ...] = (
    "sent_at", "call_id", "provider", "endpoint", "subjects",
    ("units at most", lambda call: "unknown" if call["units"] is None else f"{call['units']:g}"),
    ("stands", _stands), ("why", lambda call: call["error"] or call["outcome"]),
)  # fmt: skip


@click.command("in-doubt")
@options.steered
@click.option(
    "--decide",
    type=click.Choice(["rebuy", "charged", "not_charged"]),
    help="Say of all of them what they cost: nobody knows, what was set aside, nothing. What waits for it goes on.",
)
@options.data_dir
@acts
@options.output
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID,
    actor: str,
    reason: str,
    decide: str | None,
    data_dir: Path,
    form: str,
    consent: Consent,
) -> int:
    """Calls of PIPELINE_ID that left and have no recorded answer, newest first, unless --decide is given."""
    path = f"/pipeline/{pipeline_id}/in-doubt"
    with api.connect(data_dir) as gateway:
        if not decide:
            found = gateway.ask("GET", path, params={"limit": "1000"})
            listing.rows(found, form, "call_id", _COLUMNS)
            return 0
        body: dict[str, Any] = {"decision": decide, **options.signed(actor, reason)}

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("POST", f"{path}/decide", json=body | {"dry_run": True})
            return f"decide for good that {found['calls']} calls are {decide}", found

        if consent.asked(foresee):
            found = gateway.ask("POST", f"{path}/decide", json=body)
            consent.tell(found, f"{found['calls']} calls decided")
    return 0
