"""`landscape rewind`: what a pipeline did after a checkpoint is taken back, and done again."""

import json
from pathlib import Path
from uuid import UUID

import click

from services.gateway.cli import api, options


@click.command("rewind")
@options.steered
@click.argument("name")
@click.option(
    "--rebuy", is_flag=True, help="Buy again what was bought since; else stored answers answer again."
)
@options.data_dir
@options.as_json
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: UUID, actor: str, reason: str, name: str, rebuy: bool, data_dir: Path, as_json: bool
) -> int:
    """Go back to the checkpoint NAME of PIPELINE_ID, which must be paused or have ended, and on from there."""
    with api.connect(data_dir) as gateway:
        verb = f"checkpoints/{api.quoted(name)}/rewind"
        rewound = gateway.steer(str(pipeline_id), verb, rebuy=rebuy, **options.signed(actor, reason))
    text = f"{rewound['state']}: {rewound['set_back']} items are due again, {rewound['removed']} are gone until they are found again"
    click.echo(json.dumps(rewound) if as_json else text)
    return 0
