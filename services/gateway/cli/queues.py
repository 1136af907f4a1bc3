"""`landscape queues`: how much work stands in each queue; pause or unpause one."""

import json
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.listing import listing

PATH: Final = "/monitoring/job-queues"
_queue = click.argument("queue")


command = listing(
    "queues",
    "How much work stands in each queue, and which are paused.",
    PATH,
    lambda found: "\n".join(map(render, found["queues"])),
)


@command.command("pause")
@_queue
@click.option("--reason", required=True, help="Why; it stays in the history.")
@options.actor
@options.data_dir
@options.as_json
def pause(queue: str, reason: str, actor: str, data_dir: Path, *, as_json: bool) -> int:
    """Start no more calls of QUEUE, a service, for now; those in flight end and are recorded."""
    return _steer(queue, "pause", options.signed(actor, reason), data_dir, as_json=as_json)


@command.command("unpause")
@_queue
@click.option("--reason", default="", help="Why; it stays in the history.")
@options.actor
@options.data_dir
@options.as_json
def unpause(queue: str, reason: str, actor: str, data_dir: Path, *, as_json: bool) -> int:
    """Go on with QUEUE after a pause."""
    return _steer(queue, "unpause", options.signed(actor, reason), data_dir, as_json=as_json)


def _steer(queue: str, verb: str, body: dict[str, str], data_dir: Path, *, as_json: bool) -> int:
    with api.connect(data_dir) as gateway:
        done = gateway.ask("POST", f"{PATH}/{api.quoted(queue)}/{verb}", json=body)
    said = f"{done['queue']} is {'paused' if done['paused'] else 'running'}"
    click.echo(json.dumps(done) if as_json else said)
    return 0


def render(queue: dict[str, Any]) -> str:
    """A line: queue, what is pending and waiting, dead letters, and who paused it."""
    facts = [f"{queue['items_pending']} items pending", f"{queue['items_waiting']} of them waiting"]
    if queue["dead_letters"]:
        facts.append(f"{queue['dead_letters']} dead letters")
    if pause := queue["paused"]:
        facts.append(f"PAUSED by {pause['paused_by']}: {pause['reason']}")
    return f"{queue['queue']:<14}{', '.join(facts)}"
