"""`landscape operations`: bulk actions that go on by themselves; list, show, watch or cancel them."""

import time
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, exits, options
from services.gateway.cli.consent import Consent, acts
from services.gateway.cli.listing import Column, listing, one, rows

PATH: Final = "/operations"
POLL_SECONDS: Final = 0.5
#: How often the gateway may fail to answer in a row before watching gives up.
RETRIES: Final = 60
_operation_id = click.argument("operation_id", type=click.IntRange(min=1))


def _far(operation: dict[str, Any]) -> str:
    return f"{operation['done']}/{operation['matched']}"


_COLUMNS: tuple[Column, ...] = (
    "operation_id", "kind", "state", ("done", _far), ("left alone", lambda operation: operation["failed"]),
    "actor", "reason", "created_at", ("detail", lambda operation: operation["detail"] or None),
)  # fmt: skip
command = listing(
    "operations", "Bulk actions that go on by themselves, the newest first.", PATH, "operation_id", _COLUMNS
)


@command.command("list")
@click.option("--state", "in_state", type=click.Choice(["queued", "running", "completed", "cancelled", "failed"]), help="In this state.")  # fmt: skip
@click.option("--cursor", type=int, help="Of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.output
def newest(data_dir: Path, form: str, **given: object) -> int:
    """Those in a state, or all, page by page."""
    params = {name: value for name, value in given.items() if value}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", PATH, params=params)
    rows(found, form, "operation_id", _COLUMNS)
    return 0


@command.command("show")
@_operation_id
@options.data_dir
@options.output
def show(operation_id: int, data_dir: Path, form: str) -> int:
    """How far OPERATION_ID is."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{operation_id}")
    one(found, form, str(operation_id), render)
    return 0


@command.command("watch")
@_operation_id
@options.data_dir
@options.output
def watch(operation_id: int, data_dir: Path, form: str) -> int:
    """Follow OPERATION_ID until it ends. Ctrl-C stops watching; the operation goes on."""
    shown = ""
    with api.connect(data_dir) as gateway:
        while True:
            operation = _poll(gateway, operation_id)
            if operation["ended_at"]:
                break
            if (line := render(operation)) != shown:
                click.echo(line, err=True)
            shown = line
            time.sleep(POLL_SECONDS)
    one(operation, form, str(operation_id), render)
    return 0 if operation["state"] == "completed" else exits.ERROR


@command.command("cancel")
@_operation_id
@options.reason
@options.actor
@options.data_dir
@acts
def cancel(operation_id: int, reason: str, actor: str, data_dir: Path, consent: Consent) -> int:
    """End OPERATION_ID before its time. What is done stays done."""
    path = f"{PATH}/{operation_id}"
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("GET", path)
            return f"cancel operation {' '.join(render(found).split())}", found

        if consent.asked(foresee):
            cancelled = gateway.ask("POST", f"{path}/cancel", json=options.signed(actor, reason))
            consent.tell(cancelled, render(cancelled))
    return 0


def begun(answer: dict[str, Any]) -> str | None:
    """What to say when a bulk action was too much for a request; None when it is done."""
    if "operation_id" not in answer:
        return None
    number = answer["operation_id"]
    return f"operation {number} does it for {answer['matched']}; `landscape operations watch {number}` follows it"


def render(operation: dict[str, Any]) -> str:
    """A line: number, what it does, how far it is, by whom and why."""
    facts = [f"{operation['failed']} left alone"] if operation["failed"] else []
    facts += [operation["detail"]] if operation["detail"] else []
    facts.append(f"by {operation['actor']}" + (f": {operation['reason']}" if operation["reason"] else ""))
    kind = operation["kind"].replace("_", " ")
    return f"{operation['operation_id']:>6}  {kind:<13}{operation['state']:<10}{_far(operation):>15}  {'; '.join(facts)}"


def _poll(gateway: api.Api, operation_id: int) -> dict[str, Any]:
    """A gateway that restarts meanwhile does not end the watching."""
    for _ in range(RETRIES):
        try:
            return gateway.ask("GET", f"{PATH}/{operation_id}")
        except api.UnavailableError:
            time.sleep(POLL_SECONDS)
    return gateway.ask("GET", f"{PATH}/{operation_id}")
