"""`landscape breakers`: which providers are not called, why and until when; hold or reset one."""

from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts
from services.gateway.cli.listing import listing, one

PATH: Final = "/monitoring/circuit-breakers"
_service = click.argument("service")
_reason = click.option("--reason", required=True, help="Why; it stays in the history.")


def _facts(breaker: dict[str, Any]) -> str:
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
    return "; ".join(facts)


command = listing(
    "breakers",
    "State of every service's circuit breaker.",
    PATH,
    "service",
    ("service", ("state", lambda breaker: breaker["state"].replace("_", " ")), ("what of it", _facts)),
)


@command.command("show")
@_service
@options.data_dir
@options.output
def show(service: str, data_dir: Path, form: str) -> int:
    """One breaker and its latest changes."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{api.quoted(service)}")
    one(
        found,
        form,
        found["breaker"]["service"],
        lambda detail: "\n".join([render(detail["breaker"]), *map(render_change, detail["changes"])]),
    )
    return 0


@command.command("open")
@_service
@_reason
@options.data_dir
@acts
def hold_open(service: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Start no call of SERVICE until its breaker is reset."""
    return _order(service, "open", reason, data_dir, consent)


@command.command("close")
@_service
@_reason
@options.data_dir
@acts
def hold_closed(service: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Let all calls of SERVICE start, whatever fails, until its breaker is reset."""
    return _order(service, "close", reason, data_dir, consent)


@command.command("reset")
@_service
@options.reason
@options.data_dir
@acts
def reset(service: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Close the breaker of SERVICE and leave it to itself again."""
    return _order(service, "reset", reason, data_dir, consent)


@command.command("policy")
@_service
@options.data_dir
@options.output
def policy(service: str, data_dir: Path, form: str) -> int:
    """When the breaker of SERVICE opens and closes: what holds, and what is configured."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{api.quoted(service)}/policy")
    one(found, form, service, render_policy)
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
@acts
def edit(service: str, *, reason: str, actor: str, data_dir: Path, consent: Consent, **given: float | None) -> int:  # fmt: skip
    """Change when the breaker of SERVICE opens and closes, in every worker, within 5 seconds."""
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise click.UsageError("say what to set, such as --failure-threshold 20")
    said = ", ".join(f"{name} {value:g}" for name, value in fields.items())
    body = options.signed(actor, reason) | fields
    return _change_policy(service, ("PATCH", "policy"), body, f"set {said}", data_dir, consent)


@command.command("defaults")
@_service
@_reason
@options.actor
@options.data_dir
@acts
def defaults(service: str, reason: str, actor: str, data_dir: Path, consent: Consent) -> int:
    """Set all of it back to what the workers of SERVICE are configured to."""
    body, does = options.signed(actor, reason), "set all of it back to what is configured"
    return _change_policy(service, ("POST", "policy/reset"), body, does, data_dir, consent)


def _change_policy(  # noqa: PLR0917  as the two commands have them
    service: str, how: tuple[str, str], body: dict[str, Any], does: str, data_dir: Path, consent: Consent
) -> int:
    method, below = how
    path = f"{PATH}/{api.quoted(service)}"
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("GET", f"{path}/policy")
            return f"{does}; now:\n{render_policy(found)}", found

        if consent.free(foresee):
            changed = gateway.ask(method, f"{path}/{below}", json=body)
            consent.tell(changed, render_policy(changed))
    return 0


def _order(service: str, order: str, reason: str, data_dir: Path, consent: Consent) -> int:
    path = f"{PATH}/{api.quoted(service)}"
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("GET", path)
            does = "reset the breaker" if order == "reset" else f"hold the breaker {order}"
            return f"{does} that stands so: {render(found['breaker'])}", found

        # An open breaker spends nothing; a closed one calls a provider that may still be down.
        if consent.free(foresee) if order == "open" else consent.asked(foresee):
            breaker = gateway.ask("POST", f"{path}/{order}", json={"reason": reason})
            consent.tell(breaker, render(breaker))
    return 0


def render(breaker: dict[str, Any]) -> str:
    """A line: service, state, and what there is to know of it."""
    return f"{breaker['service']:<12}{breaker['state'].replace('_', ' '):<11}{_facts(breaker)}".rstrip()


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
