"""The gateway behind its port: uvicorn, and event streams that end when it is told to stop."""

import sys
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from litestar import Litestar

from services.gateway.app import create_app
from shared.config import Gateway

#: Exit code when the port cannot be listened on, as uvicorn's own.
STARTUP_FAILURE: Final = 3


class _Server(uvicorn.Server):
    """Tells the streams before it waits for requests to end: they never would by themselves."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Of a signal; the loop looks for what it changes ten times a second."""
        self._app.state.feed.close()
        super().handle_exit(sig, frame)


def serve(settings: Gateway, graceful_seconds: int) -> None:
    """Until SIGTERM or SIGINT; then requests have so long to end."""
    app = create_app()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=graceful_seconds,
    )
    server = _Server(config, app)
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
