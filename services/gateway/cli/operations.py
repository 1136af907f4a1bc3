"""`landscape operations`: bulk actions that go on by themselves; list, show, watch or cancel them."""

import json
import time
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, exits, options, show
from services.gateway.cli.listing import listing

PATH: Final = "/operations"
POLL_SECONDS: Final = 0.5
#: How often the gateway may fail to answer in a row before watching gives up.
RETRIES: Final = 60
_operation_id = click.argument("operation_id", type=click.IntRange(min=1))


command = listing(
    "operations",
    "Bulk actions that go on by themselves, the newest first.",
    PATH,
    lambda found: "\n".join(map(render, found["items"])) or "no operation yet",
)


@command.command("list")
@click.option("--state", "in_state", type=click.Choice(["queued", "running", "completed", "cancelled", "failed"]))  # fmt: skip
@click.option("--cursor", type=int, help="Of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.output
def list_(data_dir: Path, form: str, **given: object) -> int:
    """Those in a state, or all, page by page."""
    params = {name: value for name, value in given.items() if value}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", PATH, params=params)
    columns = ("operation_id", "kind", "state", "matched", "done", "failed", "actor", "created_at")
    show.rows(found, form, "operation_id", columns)
    return 0


@command.command("show")
@_operation_id
@options.data_dir
@options.as_json
def show_(operation_id: int, data_dir: Path, as_json: bool) -> int:
    """How far OPERATION_ID is."""
    with api.connect(data_dir) as gateway:
        _tell(gateway.ask("GET", f"{PATH}/{operation_id}"), as_json=as_json)
    return 0


@command.command("watch")
@_operation_id
@options.data_dir
@options.as_json
def watch(operation_id: int, data_dir: Path, as_json: bool) -> int:
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
    _tell(operation, as_json=as_json)
    return 0 if operation["state"] == "completed" else exits.ERROR


@command.command("cancel")
@_operation_id
@click.option("--reason", default="", help="Why; it stays with the operation.")
@options.actor
@options.sure
@options.data_dir
@options.as_json
def cancel(
    operation_id: int, *, reason: str, actor: str, dry_run: bool, yes: bool, data_dir: Path, as_json: bool
) -> int:
    """End OPERATION_ID before its time. What is done stays done."""
    if not options.goes_on(f"cancel operation {operation_id}", dry_run=dry_run, yes=yes):
        return 0
    with api.connect(data_dir) as gateway:
        body = options.signed(actor, reason)
        _tell(gateway.ask("POST", f"{PATH}/{operation_id}/cancel", json=body), as_json=as_json)
    return 0


def begun(answer: dict[str, Any]) -> str | None:
    """What to say when a bulk action was too much for a request; None when it is done."""
    if "operation_id" not in answer:
        return None
    number = answer["operation_id"]
    return f"operation {number} does it for {answer['matched']}; `landscape operations watch {number}` follows it"


def render(operation: dict[str, Any]) -> str:
    """A line: number, what it does, how far it is, by whom and why."""
    far = f"{operation['done']}/{operation['matched']}"
    facts = [f"{operation['failed']} left alone"] if operation["failed"] else []
    facts += [operation["detail"]] if operation["detail"] else []
    facts.append(f"by {operation['actor']}" + (f": {operation['reason']}" if operation["reason"] else ""))
    kind = operation["kind"].replace("_", " ")
    return f"{operation['operation_id']:>6}  {kind:<13}{operation['state']:<10}{far:>15}  {'; '.join(facts)}"


def _tell(operation: dict[str, Any], *, as_json: bool) -> None:
    click.echo(json.dumps(operation) if as_json else render(operation))


def _poll(gateway: api.Api, operation_id: int) -> dict[str, Any]:
    """A gateway that restarts meanwhile does not end the watching."""
    for _ in range(RETRIES):
        try:
            return gateway.ask("GET", f"{PATH}/{operation_id}")
        except api.UnavailableError:
            time.sleep(POLL_SECONDS)
    return gateway.ask("GET", f"{PATH}/{operation_id}")
