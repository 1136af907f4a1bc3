"""A worker's own HTTP: /metrics, /livez and /readyz, from a thread, so that a stuck loop cannot hide."""

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import log
from shared.config import Exposition

_log = log.get(__name__)

#: Whoever asks must say what within this time, or is hung up on. Seconds.
PATIENCE_SECONDS = 30.0

#: Name of a check -> None when it is well, else why not.
Checks = Callable[[], dict[str, str | None]]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A line like any other, and none of those who hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            _log.exception("exposition_failed")


def serve(settings: Exposition, live: Checks, ready: Checks) -> ThreadingHTTPServer:
    """Start serving; `shutdown()` ends it. Raises OSError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE_SECONDS

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
                case "/livez":
                    self._check(live())
                case "/readyz":
                    self._check(ready())
                case _:
                    self._answer(404, "text/plain", b"try /metrics, /livez or /readyz\n")

        def _check(self, checks: dict[str, str | None]) -> None:
            body = {name: why or "ok" for name, why in checks.items()}
            status = 503 if any(checks.values()) else 200
            self._answer(status, "application/json", json.dumps(body).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes and scrapes are not worth a line."""

    server = _Server((settings.host, settings.port), Handler)
    threading.Thread(target=server.serve_forever, name="exposition", daemon=True).start()
    return server
