"""`python -m services.simulator`: play the providers in the foreground."""

import argparse
import sys
from collections.abc import Sequence

import msgspec

from services.simulator.server import serve
from services.simulator.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until stopped. Exit code 0, 1 when the port is taken, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="simulator", description="Plays the external providers over HTTP.", allow_abbrev=False
    )
    defaults = Settings()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="another seed is another world")
    parser.add_argument("--latency-ms", type=float, default=defaults.latency_ms)
    parser.add_argument(
        "--fault-rate", type=float, default=defaults.fault_rate, help="share of calls, 0 to 1"
    )
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= 65535:
        parser.error(f"argument --port: {given.port} is not between 0 and 65535")
    changes = {"seed": given.seed, "latency_ms": given.latency_ms, "fault_rate": given.fault_rate}
    try:
        settings = defaults.updated(changes)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at ")
        parser.error(f"argument --{at.strip('`').removeprefix('$.').replace('_', '-')}: {what}")
    try:
        serve(given.host, given.port, settings)
    except OSError as error:
        sys.stderr.write(f"simulator: cannot listen on {given.host}:{given.port}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
