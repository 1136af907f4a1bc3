"""`landscape worker SERVICE`: become Dramatiq's main process for one service."""

import os
import sys

import click

from services.gateway.standalone.services import ROOT, discover
from shared import config
from shared.errors import ConfigError

#: On top of drain_seconds: the threads' polling (up to 3 s) and the last commit.
SHUTDOWN_MARGIN_SECONDS = 4.0
#: How long Dramatiq's main process, deaf to signals, waits for its worker to have booted: only forks of other
#: functions need that, and there are none. By default a worker that fails at boot is noticed after 30 s.
FORK_MILLISECONDS = 10
#: An idle worker looks for messages this often; Dramatiq's own second would begin every pipeline.
POLL_MILLISECONDS = 250


@click.command("worker")
@click.argument("service")
def command(service: str) -> None:
    """Run the worker of SERVICE until SIGTERM; calls in flight are finished and recorded first."""
    settings = config.load()
    found = discover()
    if service not in found:
        raise ConfigError(f"there is no service {service!r}; there are: {', '.join(found)}")
    settings.require("postgres_url", "redis_url")
    os.chdir(ROOT)  # Dramatiq puts the current directory on the path
    os.execve(  # noqa: S606  no shell is wanted
        sys.executable,
        [sys.executable, *arguments(service, settings.runtime)],
        {**os.environ, **environment(settings.runtime)},
    )


def arguments(service: str, runtime: config.Runtime) -> list[str]:
    """What follows the interpreter: one process, `threads` jobs at once, this service's queue."""
    milliseconds = int((runtime.drain_seconds + SHUTDOWN_MARGIN_SECONDS) * 1000)
    return [
        "-m",
        "dramatiq",
        f"services.{service}.worker:broker",
        "--processes=1",
        f"--threads={runtime.threads}",
        f"--worker-shutdown-timeout={milliseconds}",
        f"--worker-fork-timeout={FORK_MILLISECONDS}",
        "--skip-logging",
        "--queues",
        service,
    ]


def environment(runtime: config.Runtime) -> dict[str, str]:
    """Read by Dramatiq when it is imported. It prefetches no more than it can start: the rest stays for others."""
    return {
        "dramatiq_queue_prefetch": str(runtime.threads),
        "dramatiq_worker_timeout": str(POLL_MILLISECONDS),
        "TZ": "UTC",
    }
