"""What a worker says about itself, over HTTP, from a thread of its own."""

import json
import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest

from shared import metrics
from shared.config import Exposition
from shared.runtime.exposition import serve
from shared.testing.eventually import wait_until


class Exposed:
    """A worker's answers to its probes, as the test wants them."""

    def __init__(self) -> None:
        self.live: dict[str, str | None] = {"loop": None}
        self.ready: dict[str, str | None] = {"postgres": None, "redis": None}
        self._server = serve(Exposition(port=0), lambda: self.live, lambda: self.ready)

    @property
    def port(self) -> int:
        return self._server.server_port

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def exposed() -> Iterator[Exposed]:
    exposed = Exposed()
    yield exposed
    exposed.close()


def test_metrics_are_exposed(exposed: Exposed) -> None:
    """In Prometheus's text format, those of the product among them."""
    answer = exposed.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    (expired,) = metrics.LEASES_EXPIRED.describe()
    assert f"# TYPE {expired.name}_total counter" in answer.text


@pytest.mark.parametrize(("path", "checks"), [("/livez", "live"), ("/readyz", "ready")])
def test_a_probe_is_answered_by_its_own_checks(exposed: Exposed, path: str, checks: str) -> None:
    """200 while all is well; 503 and the reason, beside what is well, when something is not."""
    assert exposed.get(path).status_code == 200
    getattr(exposed, checks)["disk"] = "is full"
    answer = exposed.get(f"{path}?verbose")
    assert answer.status_code == 503
    assert json.loads(answer.content)["disk"] == "is full"
    assert set(json.loads(answer.content).values()) == {"ok", "is full"}
    other = "/readyz" if path == "/livez" else "/livez"
    assert exposed.get(other).status_code == 200


def test_anything_else_is_not_found_and_says_what_there_is(exposed: Exposed) -> None:
    """No path is guessed."""
    answer = exposed.get("/")
    assert answer.status_code == 404
    assert "/readyz" in answer.text


def test_who_hangs_up_leaves_no_trace(exposed: Exposed, capfd: pytest.CaptureFixture[str]) -> None:
    """A scraper that was killed in the middle of its question is no error of ours."""
    with socket.create_connection(("127.0.0.1", exposed.port)) as scraper:
        scraper.sendall(b"GET /metrics")
        # What is sent at the end is a reset.
        scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: not [t for t in threading.enumerate() if "process_request_thread" in t.name])
    assert exposed.get("/livez").status_code == 200
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_an_error(exposed: Exposed) -> None:
    """Two workers on one port would hide one another."""
    port = httpx.URL(str(exposed.get("/livez").url)).port
    with pytest.raises(OSError, match="in use"):
        serve(Exposition(port=port or 0), dict, dict)
