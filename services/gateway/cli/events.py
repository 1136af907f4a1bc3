"""`landscape events`: what has happened, and what happens."""

import time
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.listing import one

PATH: Final = "/events/history"
#: Events asked for at once, and how often for new ones.
_PAGE: Final = 500
_LOOK_SECONDS: Final = 1.0


@click.command("events")
@click.option("--pipeline", type=click.UUID, help="Of this pipeline.")
@click.option(
    "--type",
    "types",
    multiple=True,
    help="Of this name, such as pipeline.failed; may be given several times.",
)
@click.option("--after", type=click.IntRange(min=0), default=0, help="After the event of this id.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@options.data_dir
@options.output
def command(
    *, pipeline: str | None, types: tuple[str, ...], after: int, follow: bool, data_dir: Path, form: str
) -> int:
    """Events of the last week, the oldest first; as JSON one object per line."""
    params: dict[str, Any] = {"limit": _PAGE}
    params |= {"pipeline": str(pipeline)} if pipeline else {}
    params |= {"types": ",".join(types)} if types else {}
    with api.connect(data_dir) as gateway:
        while True:
            page = gateway.ask("GET", PATH, params=params | {"cursor": after})
            for event in page["items"]:
                one(event, form, str(event["id"]), render)
            if page["next_cursor"] is not None:
                after = page["next_cursor"]
            elif follow:
                after = max(after, page["newest"])
                time.sleep(_LOOK_SECONDS)
            else:
                return 0


def render(event: dict[str, Any]) -> str:
    """A line: when, id, name, of what, and what more there is to know."""
    of = event["pipeline_id"] or event["service"] or ""
    told = ", ".join(f"{name} {value}" for name, value in event["data"].items())
    return f"{event['happened_at']}  {event['id']}  {event['name']}  {of}  {told}".rstrip()
