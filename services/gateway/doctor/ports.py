"""The ports this machine's processes listen on."""

from urllib.parse import urlsplit

from services.gateway.doctor.finding import Finding, note, ok, wrong
from services.gateway.standalone import probe
from services.gateway.standalone.runfile import RunFile
from shared.config import Settings


def gateway_port(settings: Settings, running: RunFile | None) -> Finding:
    """Free, or taken by the very system that is looked at."""
    host, port = settings.gateway.host, settings.gateway.port
    if running is not None:
        return ok("gateway port", f"{urlsplit(running.gateway_url).port} is taken by the running system")
    if port == 0 or probe.is_free(host, port):
        return ok("gateway port", f"{port} on {host} is free")
    return wrong(
        "gateway port",
        f"cannot listen on {host}:{port}",
        "stop what listens there, pass another --port, or set LANDSCAPE_GATEWAY__HOST and LANDSCAPE_GATEWAY__PORT",
    )


def worker_port(settings: Settings) -> Finding:
    """For a worker that is started by itself; `landscape up` takes any free port."""
    host, port = settings.exposition.host, settings.exposition.port
    if port == 0 or probe.is_free(host, port):
        return ok("worker port", f"{port} on {host} is free")
    return note(
        "worker port",
        f"cannot listen on {host}:{port}",
        "a worker started by itself needs another LANDSCAPE_EXPOSITION__PORT; 0 takes a free one",
    )
