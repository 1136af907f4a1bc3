"""`landscape simulate`: serve the simulator."""

import os
import sys

import click

from services.gateway.standalone.services import ROOT


@click.command("simulate", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Serve the simulator of all providers; its own --help lists the options."""
    os.chdir(ROOT)
    argv = [sys.executable, "-m", "services.simulator", *arguments]
    os.execv(sys.executable, argv)  # noqa: S606  no shell is wanted
