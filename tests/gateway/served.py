"""A gateway behind a real socket, in a thread of the test's process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from structlog.testing import capture_logs

from services.gateway.app import create_app
from shared.config import Gateway, Settings
from shared.testing.eventually import wait_until
from tests.gateway.operator import TOKEN


@contextmanager
def served(postgres_url: str) -> Iterator[str]:
    """Its address, without a limit to how often it may be asked."""
    own = Settings(postgres_url=postgres_url, token=TOKEN, gateway=Gateway(requests_per_second=0))
    server = uvicorn.Server(uvicorn.Config(create_app(own), port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with capture_logs():  # or they would be among what a command prints
            yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
