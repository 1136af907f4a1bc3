"""Commands that steer a pipeline by one word to the API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts


def steering(
    verb: str, text: str, would: Callable[[dict[str, Any]], str], *, asks: bool = False
) -> click.Command:
    """The command for a verb of the API; `text` is its help, `would` says what a dry run's answer means."""

    @click.command(verb, help=text)
    @options.steered
    @options.data_dir
    @acts
    def command(pipeline_id: UUID, actor: str, reason: str, data_dir: Path, consent: Consent) -> int:
        body = options.signed(actor, reason)
        with api.connect(data_dir) as gateway:

            def foresee() -> tuple[str, Any]:
                found = gateway.steer(str(pipeline_id), verb, **body, dry_run=True)
                return would(found), found

            if consent.asked(foresee) if asks else consent.free(foresee):
                steered = gateway.steer(str(pipeline_id), verb, **body)
                consent.tell(steered, steered["state"])
        return 0

    return command
