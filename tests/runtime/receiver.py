"""A receiver of webhooks: a real HTTP server that verifies what it is sent, and can be told to fail or to go away."""

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


class Receiver:
    """Listens on a port of its own until `stop`; `start` listens there again."""

    def __init__(self, answer: Callable[[dict[str, Any]], int] = lambda _: 204) -> None:
        self.answer = answer
        self.secret = ""
        self.headers: dict[str, str] = {}
        self.got: list[tuple[str, dict[str, Any]]] = []
        """(webhook-id, message) of everything that was verified, also what was refused then."""
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}/hook?a=b"

    def start(self) -> None:
        """On the same port as before."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name the server looks for
                body = self.rfile.read(int(self.headers["content-length"]))
                message = Webhook(receiver.secret).verify(body, dict(self.headers.items()))
                receiver.got.append((self.headers["webhook-id"], message))
                self.send_response(receiver.answer(message))
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def stop(self) -> None:
        """Nobody answers any more."""
        if self._server:
            with suppress(OSError):
                self._server.shutdown()
            self._server.server_close()
            self._server = None
