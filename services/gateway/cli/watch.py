"""`landscape watch`: a pipeline's progress until it ends."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.gateway.cli import api, exits, listing, options

POLL_SECONDS = 0.5
#: Off a terminal a line is printed at most this often.
LINE_SECONDS = 10.0
#: How often the gateway may fail to answer in a row before watching gives up.
RETRIES = 60
ENDED = ("completed", "completed_with_gaps", "failed", "cancelled")


@click.command("watch")
@options.pipeline_id
@options.data_dir
@options.output
def command(pipeline_id: str | None, data_dir: Path, form: str) -> int:
    """Follow PIPELINE_ID, or the newest, until it ends. Ctrl-C stops watching; the pipeline goes on. As JSON or ids: once, at once."""
    with api.connect(data_dir) as gateway:
        pipeline_id = pipeline_id or gateway.newest()
        if form != "table":
            listing.one(gateway.progress(pipeline_id), form, pipeline_id, one_line)
            return 0
        return follow(gateway, pipeline_id)


def follow(
    gateway: api.Api, pipeline_id: str, note: Callable[[dict[str, Any]], str | None] = lambda _: None
) -> int:
    """Show progress until the end; exit code. `note` sees every progress and may return a line to print."""
    console = Console(file=sys.stderr)
    last_line = 0.0
    with (
        Live(console=console, transient=False, refresh_per_second=4)
        if console.is_terminal
        else _Quiet() as live
    ):
        while True:
            progress = _poll(gateway, pipeline_id)
            if line := note(progress):
                console.print(line)
            ended = progress["state"] in ENDED
            if isinstance(live, Live):
                live.update(render(progress))
            elif ended or time.monotonic() - last_line > LINE_SECONDS:
                last_line = time.monotonic()
                console.print(one_line(progress), soft_wrap=True)
            if ended:
                return exits.PIPELINE_FAILED if progress["state"] in {"failed", "cancelled"} else 0
            time.sleep(POLL_SECONDS)


class _Quiet:
    """Stands where the live display would, off a terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _poll(gateway: api.Api, pipeline_id: str) -> dict[str, Any]:
    """Progress; a gateway that restarts meanwhile does not end the watching."""
    for _ in range(RETRIES):
        try:
            return gateway.progress(pipeline_id)
        except api.UnavailableError:
            time.sleep(POLL_SECONDS)
    return gateway.progress(pipeline_id)


def render(progress: dict[str, Any]) -> Group:
    """A line per phase."""
    table = Table.grid(padding=(0, 2))
    for phase in progress["phases"]:
        done = phase["completed"] + phase["failed"] + phase["skipped"]
        table.add_row(
            phase["phase"],
            ProgressBar(total=max(1, phase["planned"]), completed=done, width=30),
            f"{done}/{phase['planned']}",
            Text(_aside(phase), style="dim"),
        )
    return Group(table, Text(f"{progress['state']}  {_elapsed(progress)}", style="bold"))


def one_line(progress: dict[str, Any]) -> str:
    """For logs."""
    phases = ", ".join(
        f"{p['phase']} {p['completed'] + p['failed'] + p['skipped']}/{p['planned']}"
        for p in progress["phases"]
    )
    return f"{progress['state']}: {phases}"


def _aside(phase: dict[str, Any]) -> str:
    parts = [f"{n} waiting for {reason}" for reason, n in sorted(phase["waiting"].items())]
    parts += [f"{phase[name]} {name}" for name in ("failed", "degraded") if phase[name]]
    return ", ".join([f"{phase['calls']} calls", *parts])


def _elapsed(progress: dict[str, Any]) -> str:
    began = datetime.fromisoformat(progress["created_at"])
    ended = datetime.fromisoformat(progress["ended_at"]) if progress["ended_at"] else datetime.now(UTC)
    return f"{(ended - began).total_seconds():.0f} s"
