"""`landscape gateway`: serve the REST API."""

import click

from shared import config

#: How long open requests and event streams may take to end after SIGTERM.
GRACEFUL_SECONDS = 3


@click.command("gateway")
def command() -> None:
    """Serve the REST API where LANDSCAPE_GATEWAY__HOST and LANDSCAPE_GATEWAY__PORT say."""
    settings = config.load()
    settings.require("postgres_url", "redis_url", "token")
    from services.gateway.serving import serve  # noqa: PLC0415  the help of this command needs no server

    serve(settings.gateway, GRACEFUL_SECONDS)
