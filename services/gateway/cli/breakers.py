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


@command.command("policy")
@_service
@options.data_dir
@options.as_json
def policy(service: str, data_dir: Path, as_json: bool) -> int:
    """When the breaker of SERVICE opens and closes: what holds, and what is configured."""
    with api.connect(data_dir) as gateway:
        _tell(gateway.ask("GET", f"{PATH}/{api.quoted(service)}/policy"), as_json=as_json)
    return 0


@command.command("set")
@_service
@click.option("--failure-threshold", type=int, help="Opens after so many faults in a row, or in the window.")
@click.option("--success-threshold", type=int, help="Closes after so many calls that succeed.")
@click.option("--timeout-seconds", type=float, help="Stays open for so long before it is tried out.")
@click.option("--window-seconds", type=float, help="Over which the share of faults is counted.")
@click.option("--failure-share", type=float, help="Opens when this part of the window's calls are faults, 0 to 1.")  # fmt: skip
@click.option("--probes", type=int, help="Calls at once while it is tried out.")
@click.option("--slow-seconds", type=float, help="Slower answers count as faults; 0: none does.")
@_reason
@options.actor
@options.data_dir
@options.as_json
def set_(service: str, reason: str, actor: str, data_dir: Path, *, as_json: bool, **given: float | None) -> int:  # fmt: skip
    """Change when the breaker of SERVICE opens and closes, in every worker, within 5 seconds."""
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise click.UsageError("say what to set, such as --failure-threshold 20")
    with api.connect(data_dir) as gateway:
        body = options.signed(actor, reason) | fields
        _tell(gateway.ask("PATCH", f"{PATH}/{api.quoted(service)}/policy", json=body), as_json=as_json)
    return 0


@command.command("defaults")
@_service
@_reason
@options.actor
@options.data_dir
@options.as_json
def defaults(service: str, reason: str, actor: str, data_dir: Path, *, as_json: bool) -> int:
    """Set all of it back to what the workers of SERVICE are configured to."""
    path = f"{PATH}/{api.quoted(service)}/policy/reset"
    with api.connect(data_dir) as gateway:
        _tell(gateway.ask("POST", path, json=options.signed(actor, reason)), as_json=as_json)
    return 0


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    click.echo(json.dumps(found) if as_json else render_policy(found))


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
    if breaker["edited"]:
        facts.append(f"{', '.join(breaker['edited'])} set by an operator")
    return f"{breaker['service']:<12}{breaker['state'].replace('_', ' '):<11}{'; '.join(facts)}".rstrip()


def render_policy(found: dict[str, Any]) -> str:
    """A line per field: what holds, and where somebody has set it what is configured."""
    edits = {name: value for name, value in found["edits"].items() if value is not None}
    configured, in_force = found["configured"] or {}, found["in_force"] or edits
    lines = [
        f"{name:<20}{value:<10g}" + (f"set; configured: {configured.get(name, 'no worker has run')}" if name in edits else "")
        for name, value in in_force.items()
    ]  # fmt: skip
    if edits:
        lines.append(f"set by {found['changed_by']} at {found['changed_at']}: {found['reason']}")
    return "\n".join(line.rstrip() for line in lines) or "no worker has run, and nothing is set"


def render_change(change: dict[str, Any]) -> str:
    """A line of the history."""
    held = ", held" if change["forced"] else ""
    state = change["state"].replace("_", " ")
    return f"  {change['changed_at']}  {state}{held} by {change['actor']}: {change['reason'] or 'no reason given'}"
