"""`python -m shared.runtime.run SERVICE`: become Dramatiq's main process for one service, wherever it is installed."""

import importlib.util
import os
import sys
from pathlib import Path

from shared import config
from shared.errors import ConfigError

#: On top of drain_seconds: the threads' polling (up to 3 s) and the last commit.
SHUTDOWN_MARGIN_SECONDS = 4.0
#: How long Dramatiq's main process, deaf to signals, waits for its worker to have booted: only forks of other
#: functions need that, and there are none. By default a worker that fails at boot is noticed after 30 s.
FORK_MILLISECONDS = 10
#: An idle worker looks for messages this often; Dramatiq's own second would begin every pipeline.
POLL_MILLISECONDS = 250
#: The directory that holds shared/ and services/: a checkout, an image's, or site-packages.
ROOT = Path(__file__).parents[2]
#: Exit code for wrong words and settings, as the command line's.
USAGE = 2


def start(service: str) -> None:
    """Replace this process by the service's worker. Raises ConfigError for a missing service or a wrong setting."""
    settings = config.load()
    if not _is_installed(service):
        raise ConfigError(f"there is no service {service!r} in {ROOT}")
    settings.require("postgres_url", "redis_url")
    os.execve(  # noqa: S606  no shell is wanted
        sys.executable,
        # Neither the interpreter nor Dramatiq may take modules from wherever this was called.
        [sys.executable, "-P", *arguments(service, settings.runtime), "--path", str(ROOT)],
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


def main(words: list[str]) -> int:
    """Returns only when nothing could be started: an exit code, with the reason on stderr."""
    if len(words) != 1:
        sys.stderr.write("error: one word is expected, the name of a service\n")
        return USAGE
    try:
        start(words[0])
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
    return USAGE


def _is_installed(service: str) -> bool:
    try:
        return importlib.util.find_spec(f"services.{service}.worker") is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
