"""`landscape up`: the whole system on this machine."""

import os
import signal
import time
from pathlib import Path
from types import FrameType

import click

from services.gateway.cli import exits, options
from services.gateway.standalone import stack
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from services.gateway.standalone.services import discover
from services.gateway.standalone.supervisor import Interrupted
from shared import config

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 0.1


@click.command("up")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), default=Path(".landscape"), show_default=True, help="Where everything is kept.")  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Of the gateway; 0 takes any free one.  [default: 8001]"
)
@click.option("--simulator/--no-simulator", default=None, help="Stand in for all providers.  [default: when none has a key]")  # fmt: skip
@click.option("--seed", type=int, help="Simulator: which world.")
@click.option("--latency-ms", type=click.FloatRange(min=0), help="Simulator: milliseconds per answer.")
@click.option("--fault-rate", type=click.FloatRange(0, 1), help="Simulator: share of answers that fail.")
@click.option("--show-token", is_flag=True, help="Print the API's token.")
def command(  # noqa: PLR0917  click passes them by name
    data_dir: Path,
    port: int | None,
    simulator: bool | None,
    seed: int | None,
    latency_ms: float | None,
    fault_rate: float | None,
    show_token: bool,
) -> int:
    """Run the whole system on this machine until Ctrl-C. What was under way goes on at the next start."""
    options = SimulatorOptions(seed, latency_ms, fault_rate)
    if simulator is None:
        simulator = not stack.configured(os.environ, discover())
    if not simulator and options != SimulatorOptions():
        raise click.UsageError(
            "--seed, --latency-ms and --fault-rate are the simulator's, and it does not run"
        )
    standalone = Standalone(
        data_dir,
        port=config.load().gateway.port if port is None else port,
        simulator=options if simulator else None,
        say=_say,
    )
    return _run(standalone, show_token=show_token)


def _run(standalone: Standalone, *, show_token: bool) -> int:
    received: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        received.append(number)
        standalone.request_stop()

    before = {number: signal.signal(number, on_signal) for number in STOP_SIGNALS}
    # Whoever goes on with a demo's data wants to keep it.
    (Path(standalone.data_dir) / options.DEMO_MARK).unlink(missing_ok=True)
    _say(f"starting on {Path(standalone.data_dir).resolve()}")
    try:
        with standalone:
            _say(_banner(standalone, show_token=show_token))
            while not received:
                time.sleep(POLL_SECONDS)
            _say("stopping; Ctrl-C once more to hurry")
    except Interrupted:
        _say("stopped before everything was up")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return exits.INTERRUPTED if received[:1] == [signal.SIGINT] else 0


def _banner(standalone: Standalone, *, show_token: bool) -> str:
    run = standalone.run_file
    lines = [f"{store + ':':11}{version}" for store, version in standalone.stores.versions.items()]
    if run.simulator_url is not None:
        lines.append("providers: the simulator stands in for all of them; no answer is real")
    else:
        off = sorted(set(discover()) - set(standalone.workers))
        without = f"; off, without a key: {', '.join(off)}" if off else ""
        lines.append(f"providers: {', '.join(standalone.workers)}{without}")
    token = run.token if show_token else f"in {Path(standalone.data_dir).resolve() / 'run.json'}"
    return "\n".join([*lines, f"{'token:':11}{token}", f"{'gateway:':11}{run.gateway_url}"])


def _say(text: str) -> None:
    click.echo(text, err=True)
