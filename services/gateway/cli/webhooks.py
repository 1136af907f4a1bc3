"""`landscape webhooks`: who is sent events over HTTP; register, watch, test, enable, delete."""

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, Foreseen, acts
from services.gateway.cli.listing import listing, rows, secret

PATH: Final = "/webhooks"
_webhook_id = click.argument("webhook_id", type=click.UUID)


def _fares(webhook: dict[str, Any]) -> str:
    if webhook["disabled_at"]:
        return f"disabled {webhook['disabled_at']}: {webhook['disabled_reason']}"
    return f"down since {webhook['failing_since']}" if webhook["failing_since"] else "well"


command = listing(
    "webhooks",
    "Who is sent events, the newest first.",
    PATH,
    "webhook_id",
    (
        "webhook_id",
        "url",
        ("events", lambda hook: hook["events"] or ["all events"]),
        "pending",
        ("fares", _fares),
    ),
)


@command.command("create")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, help="Only events of this name; may be given several times."
)
@options.reason
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
@options.page
@options.data_dir
@options.output
def deliveries(  # noqa: PLR0917  click passes them by name
    webhook_id: UUID, state: str | None, cursor: int | None, limit: int, data_dir: Path, form: str
) -> int:
    """What a receiver was sent lately, and what became of it."""
    params: dict[str, Any] = {"in_state": state} if state else {}
    params |= options.given_page(cursor, limit)
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{webhook_id}/deliveries", params=params)
    columns = ("delivery_id", "created_at", "name", "state", "attempts", ("answer", _answer))
    rows(found, form, "delivery_id", columns)
    return 0


@command.command("test")
@_webhook_id
@options.data_dir
@acts
def test(webhook_id: UUID, data_dir: Path, consent: Consent) -> int:
    """Send a message that tells of nothing."""
    with api.connect(data_dir) as gateway:
        if consent.free(lambda: _foresee(gateway, webhook_id, "send a test to")):
            queued = gateway.ask("POST", f"{PATH}/{webhook_id}/test")
            text = (
                f"delivery {queued['delivery_id']}; `landscape webhooks deliveries {webhook_id}` tells of it"
            )
            consent.tell(queued, text)
    return 0


@command.command("redeliver")
@_webhook_id
@click.argument("delivery_id", type=int)
@options.data_dir
@acts
def redeliver(webhook_id: UUID, delivery_id: int, data_dir: Path, consent: Consent) -> int:
    """Send a delivery again."""
    with api.connect(data_dir) as gateway:
        if consent.free(lambda: _foresee(gateway, webhook_id, f"send delivery {delivery_id} again to")):
            queued = gateway.ask("POST", f"{PATH}/{webhook_id}/deliveries/{delivery_id}/redeliver")
            consent.tell(queued, f"delivery {delivery_id} is sent again")
    return 0


@command.command("enable")
@_webhook_id
@options.data_dir
@acts
def enable(webhook_id: UUID, data_dir: Path, consent: Consent) -> int:
    """Try a receiver again at once, also one that was disabled."""
    with api.connect(data_dir) as gateway:
        if consent.free(lambda: _foresee(gateway, webhook_id, "try again")):
            enabled = gateway.ask("POST", f"{PATH}/{webhook_id}/enable")
            consent.tell(enabled, render(enabled))
    return 0


@command.command("delete")
@_webhook_id
@options.reason
@options.data_dir
@acts
def delete(webhook_id: UUID, reason: str, data_dir: Path, consent: Consent) -> int:
    """Send nothing to a receiver any more."""
    with api.connect(data_dir) as gateway:
        if consent.asked(lambda: _foresee(gateway, webhook_id, "delete, with its secret and log,")):
            gateway.do("DELETE", f"{PATH}/{webhook_id}", params={"reason": reason})
            consent.tell({"webhook_id": str(webhook_id)}, f"webhook {webhook_id} is deleted")
    return 0


def _foresee(gateway: api.Api, webhook_id: UUID, what: str) -> Foreseen:
    found = gateway.ask("GET", f"{PATH}/{webhook_id}")
    return f"{what} {render(found)}", found


def render(webhook: dict[str, Any]) -> str:
    """A line: id, address, what it wants, and how it fares."""
    events = ", ".join(webhook["events"] or ["all events"])
    return f"{webhook['webhook_id']}  {webhook['url']}  {events}; {webhook['pending']} pending; {_fares(webhook)}"


def _answer(delivery: dict[str, Any]) -> str:
    return delivery["error"] or (f"answered {delivery['status']}" if delivery["status"] else "not tried yet")
