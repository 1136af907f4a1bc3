"""`landscape worker SERVICE`: become Dramatiq's main process for one service."""

import os

import click

from services.gateway.standalone.services import ROOT, discover
from shared.errors import ConfigError
from shared.runtime.run import arguments, environment, start

__all__ = ["arguments", "command", "environment"]


@click.command("worker")
@click.argument("service")
def command(service: str) -> None:
    """Run the worker of SERVICE until SIGTERM; calls in flight are finished and recorded first."""
    found = discover()
    if service not in found:
        raise ConfigError(f"there is no service {service!r}; there are: {', '.join(found)}")
    os.chdir(ROOT)  # as all processes of the checkout: a relative LANDSCAPE_LOG__FILE lies there
    start(service)
