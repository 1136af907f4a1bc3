"""A whole system with a collector: real gateway, worker and simulator, and whoever receives OTLP over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.gateway.cli.api import Api
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from shared.testing.eventually import wait_until

SECONDS = 60.0
BODY = {"keywords": ["card reader"], "regions": ["US"], "content_types": ["organic"], "config": {"phases": ["serp_collection"], "serp": {"pages": {"organic": 1}}}}  # fmt: skip
ENDED = {"completed", "completed_with_gaps"}
CALLER = "0af7651916cd43dd8448eb211c80319c"


class Collector(BaseHTTPRequestHandler):
    """Keeps every span it is sent, with the service that sent it."""

    spans: ClassVar[list[dict[str, Any]]] = []
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        """/v1/traces"""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource)["service.name"]
            for scope in resource.scope_spans:
                self.spans.extend(_told(span, service) for span in scope.spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Nothing."""


def _attributes(of: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in of.attributes}


def _told(span: Any, service: str) -> dict[str, Any]:
    return {
        "service": service,
        "name": span.name,
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "links": [link.trace_id.hex() for link in span.links],
        **_attributes(span),
    }


@contextmanager
def collector() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.alone
def test_one_trace_spans_request_message_call_and_retry(tmp_path: Path) -> None:
    """The first call fails, the second, of another job, succeeds: both below messages below the request that began all."""
    with collector() as url:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with Standalone(
            tmp_path, simulator=SimulatorOptions(1, 0.0, 0.0), services=("serp",), environment=environment
        ) as machine:
            run = machine.run_file
            rule = {"provider": "scale_serp", "fault": "server_error", "times": 1}
            httpx.post(f"{run.simulator_url}/_control/faults", json=rule).raise_for_status()
            headers = {
                "Authorization": f"Bearer {run.token}",
                "traceparent": f"00-{CALLER}-b7ad6b7169203331-01",
            }
            started = httpx.post(f"{run.gateway_url}/api/v1/pipeline/start", json=BODY, headers=headers)
            pipeline_id = started.raise_for_status().json()["pipeline_id"]
            with Api(run.gateway_url, run.token) as api:
                wait_until(lambda: api.progress(pipeline_id)["state"] in ENDED, SECONDS)

    (request,) = [span for span in Collector.spans if span["name"] == "POST /api/v1/pipeline/start"]
    trace = [span for span in Collector.spans if span["trace"] == request["trace"]]
    above = {span["id"]: span for span in trace}
    calls = sorted(
        (span for span in trace if "landscape.call_id" in span), key=lambda span: span["landscape.attempt"]
    )

    assert (request["parent"], request["links"], request["service"]) == ("", [CALLER], "landscape-gateway")
    assert [
        (call["landscape.attempt"], call.get("http.response.status_code"), call.get("error.type"))
        for call in calls
    ] == [(1, 500, "recoverable"), (2, 200, None)]
    assert not [span for span in trace if span["name"].startswith("GET")]  # who looks on is none of its story
    jobs = [above[call["parent"]] for call in calls]
    messages = [above[job["parent"]] for job in jobs]
    assert [job["name"] for job in jobs] == ["process serp"] * 2
    assert [message["name"] for message in messages] == ["create serp"] * 2
    assert {message["parent"] for message in messages} == {request["id"]}
    assert len({job["messaging.message.id"] for job in jobs}) == 2
    assert {span["service"] for span in jobs + messages} == {"landscape-serp"}
    logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "logs").iterdir())
    assert logs.count(request["trace"]) >= 4  # the request's line, and those of both calls and of the item
    assert not any(run.token.encode() in body for body in Collector.bodies)
