"""`landscape queues`: how much work stands in each queue; pause or unpause one."""

from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts
from services.gateway.cli.listing import listing
from shared.errors import NotFoundError

PATH: Final = "/monitoring/job-queues"
_queue = click.argument("queue")


def _paused(queue: dict[str, Any]) -> str | None:
    return f"by {queue['paused']['paused_by']}: {queue['paused']['reason']}" if queue["paused"] else None


command = listing(
    "queues",
    "How much work stands in each queue, and which are paused.",
    PATH,
    "queue",
    ("queue", "items_pending", "items_waiting", "dead_letters", ("paused", _paused)),
    items="queues",
)


@command.command("pause")
@_queue
@click.option("--reason", required=True, help="Why; it stays in the history.")
@options.actor
@options.data_dir
@acts
def pause(queue: str, reason: str, actor: str, data_dir: Path, consent: Consent) -> int:
    """Start no more calls of QUEUE, a service, for now; those in flight end and are recorded."""
    return _steer(queue, "pause", options.signed(actor, reason), data_dir, consent)


@command.command("unpause")
@_queue
@options.reason
@options.actor
@options.data_dir
@acts
def unpause(queue: str, reason: str, actor: str, data_dir: Path, consent: Consent) -> int:
    """Go on with QUEUE after a pause."""
    return _steer(queue, "unpause", options.signed(actor, reason), data_dir, consent)


def _steer(queue: str, verb: str, body: dict[str, str], data_dir: Path, consent: Consent) -> int:
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            for found in gateway.ask("GET", PATH)["queues"]:
                if found["queue"] == queue:
                    now = "paused" if found["paused"] else "running"
                    return f"{verb} {queue}, now {now} with {found['items_pending']} items pending", found
            raise NotFoundError(f"there is no queue {queue!r}; `landscape queues` lists them")

        if consent.free(foresee):
            done = gateway.ask("POST", f"{PATH}/{api.quoted(queue)}/{verb}", json=body)
            consent.tell(done, f"{done['queue']} is {'paused' if done['paused'] else 'running'}")
    return 0
