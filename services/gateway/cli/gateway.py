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
    import uvicorn  # noqa: PLC0415  the help of this command needs no server

    uvicorn.run(
        "services.gateway.app:create_app",
        factory=True,
        host=settings.gateway.host,
        port=settings.gateway.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
