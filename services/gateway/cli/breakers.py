"""`landscape breakers`: which providers are not called, why and until when; hold or reset one."""

import json
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.listing import listing

PATH: Final = "/monitoring/circuit-breakers"
_service = click.argument("service")
_reason = click.option("--reason", required=True, help="Why; it stays in the history.")


command = listing(
    "breakers",
    "State of every service's circuit breaker.",
    PATH,
    lambda found: "\n".join(map(render, found["items"])),
)


@command.command("show")
@_service
@options.data_dir
@options.as_json
def show(service: str, data_dir: Path, as_json: bool) -> int:
    """One breaker and its latest changes."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{api.quoted(service)}")
    lines = [render(found["breaker"]), *map(render_change, found["changes"])]
    click.echo(json.dumps(found) if as_json else "\n".join(lines))
    return 0


@command.command("open")
@_service
@_reason
@options.data_dir
def hold_open(service: str, reason: str, data_dir: Path) -> int:
    """Start no call of SERVICE until its breaker is reset."""
    return _order(service, "open", reason, data_dir)


@command.command("close")
@_service
@_reason
@options.data_dir
def hold_closed(service: str, reason: str, data_dir: Path) -> int:
    """Let all calls of SERVICE start, whatever fails, until its breaker is reset."""
    return _order(service, "close", reason, data_dir)


@command.command("reset")
@_service
@click.option("--reason", default="", help="Why; it stays in the history.")
@options.data_dir
def reset(service: str, reason: str, data_dir: Path) -> int:
    """Close the breaker of SERVICE and leave it to itself again."""
    return _order(service, "reset", reason, data_dir)


def _order(service: str, order: str, reason: str, data_dir: Path) -> int:
    with api.connect(data_dir) as gateway:
        breaker = gateway.ask("POST", f"{PATH}/{api.quoted(service)}/{order}", json={"reason": reason})
    click.echo(render(breaker))
    return 0


def render(breaker: dict[str, Any]) -> str:
    """A line: service, state, and what there is to know of it."""
    facts = []
    if breaker["forced"]:
        facts.append(f"held by {breaker['actor']}")
    if breaker["state"] == "open" and breaker["reopen_at"]:
        facts.append(f"tried out at {breaker['reopen_at']}")
    if breaker["state"] != "closed" or breaker["forced"]:
        facts += [breaker["reason"]] if breaker["reason"] else []
    elif breaker["failures"]:
        facts.append(f"{breaker['failures']} calls in a row failed")
    return f"{breaker['service']:<12}{breaker['state'].replace('_', ' '):<11}{'; '.join(facts)}".rstrip()


def render_change(change: dict[str, Any]) -> str:
    """A line of the history."""
    held = ", held" if change["forced"] else ""
    state = change["state"].replace("_", " ")
    return f"  {change['changed_at']}  {state}{held} by {change['actor']}: {change['reason'] or 'no reason given'}"
