"""`landscape webhooks`: who is sent events over HTTP; register, watch, test, enable, delete."""

import json
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.listing import listing, secret

PATH: Final = "/webhooks"
_webhook_id = click.argument("webhook_id", type=click.UUID)


command = listing(
    "webhooks",
    "Who is sent events, the newest first.",
    PATH,
    lambda found: "\n".join(map(render, found["items"])) or "no webhook yet",
)


@command.command("create")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, help="Only events of this name; may be given several times."
)
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@options.data_dir
def create(url: str, events: tuple[str, ...], reason: str, data_dir: Path) -> int:
    """Send events to URL from now on. The secret is printed this once, alone on standard output."""
    body: dict[str, Any] = {"url": url, "reason": reason}
    body |= {"events": list(events)} if events else {}
    with api.connect(data_dir) as gateway:
        made = gateway.ask("POST", PATH, json=body)
    secret(render(made["webhook"]), made["secret"])
    return 0


@command.command("deliveries")
@_webhook_id
@click.option("--state", type=click.Choice(["pending", "delivered", "failed"]), help="Only these.")
@options.data_dir
@options.as_json
def deliveries(webhook_id: str, state: str | None, data_dir: Path, as_json: bool) -> int:
    """What a receiver was sent lately, and what became of it."""
    params = {"in_state": state} if state else {}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{webhook_id}/deliveries", params=params)
    click.echo(json.dumps(found) if as_json else "\n".join(map(render_delivery, found["items"])))
    return 0


@command.command("test")
@_webhook_id
@options.data_dir
def test(webhook_id: str, data_dir: Path) -> int:
    """Send a message that tells of nothing."""
    with api.connect(data_dir) as gateway:
        queued = gateway.ask("POST", f"{PATH}/{webhook_id}/test")
    click.echo(f"delivery {queued['delivery_id']}; `landscape webhooks deliveries {webhook_id}` tells of it")
    return 0


@command.command("redeliver")
@_webhook_id
@click.argument("delivery_id", type=int)
@options.data_dir
def redeliver(webhook_id: str, delivery_id: int, data_dir: Path) -> int:
    """Send a delivery again."""
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{webhook_id}/deliveries/{delivery_id}/redeliver"
        gateway.ask("POST", path)
    click.echo(f"delivery {delivery_id} is sent again")
    return 0


@command.command("enable")
@_webhook_id
@options.data_dir
def enable(webhook_id: str, data_dir: Path) -> int:
    """Try a receiver again at once, also one that was disabled."""
    with api.connect(data_dir) as gateway:
        click.echo(render(gateway.ask("POST", f"{PATH}/{webhook_id}/enable")))
    return 0


@command.command("delete")
@_webhook_id
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@options.data_dir
def delete(webhook_id: str, reason: str, data_dir: Path) -> int:
    """Send nothing to a receiver any more."""
    with api.connect(data_dir) as gateway:
        gateway.do("DELETE", f"{PATH}/{webhook_id}", params={"reason": reason})
    click.echo(f"webhook {webhook_id} is deleted")
    return 0


def render(webhook: dict[str, Any]) -> str:
    """A line: id, address, what it wants, and how it fares."""
    facts = [", ".join(webhook["events"] or ["all events"]), f"{webhook['pending']} pending"]
    if webhook["disabled_at"]:
        facts.append(f"disabled {webhook['disabled_at']}: {webhook['disabled_reason']}")
    elif webhook["failing_since"]:
        facts.append(f"down since {webhook['failing_since']}")
    return f"{webhook['webhook_id']}  {webhook['url']}  {'; '.join(facts)}"


def render_delivery(delivery: dict[str, Any]) -> str:
    """A line."""
    said = delivery["error"] or (f"answered {delivery['status']}" if delivery["status"] else "not tried yet")
    return (
        f"{delivery['delivery_id']}  {delivery['created_at']}  {delivery['name']:<30}{delivery['state']:<10}"
        f"{delivery['attempts']} attempts; {said}"
    )
