"""Commands that list by themselves, and whose subcommands act on what is listed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from services.gateway.cli import api, options


def listing(name: str, text: str, path: str, render: Callable[[dict[str, Any]], str]) -> click.Group:
    """The group for what GET `path` of the API lists; `text` is its help, `render` makes lines of the answer."""

    @click.group(name, help=text, invoke_without_command=True)
    @click.pass_context
    @options.data_dir
    @options.as_json
    def command(context: click.Context, data_dir: Path, as_json: bool) -> int:
        if context.invoked_subcommand is None:
            with api.connect(data_dir) as gateway:
                found = gateway.ask("GET", path)
            click.echo(json.dumps(found) if as_json else render(found))
        return 0

    return command


def secret(found: str, secret: str) -> None:
    """Print what was made, for whoever sits there, and its secret alone on standard output: it is shown this once."""
    click.echo(found, err=True)
    click.echo("keep it now: it cannot be shown again", err=True)
    click.echo(secret)
