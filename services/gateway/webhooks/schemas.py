"""What the webhook endpoints take and answer."""

from typing import Annotated

import msgspec
from msgspec import Meta

from services.gateway.actor import Actor, Reason
from shared.domain.event import NAMES
from shared.domain.strict_json import nearest
from shared.domain.webhook import URL_LENGTH
from shared.store.webhooks import Delivery, Webhook


def check_event(name: str) -> None:
    """Raise ValueError for what is no event."""
    if name not in NAMES:
        raise ValueError(f"{name[:40]!r} is no event; {nearest(name, NAMES)}")


EventName = Annotated[str, Meta(extra={"check": check_event}, extra_json_schema={"enum": list(NAMES)})]


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver that is wanted."""

    url: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": URL_LENGTH})]
    events: list[EventName] | None = None
    """Names; omitted: all."""
    actor: Actor = ""
    reason: Reason = ""


class SignedRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who does it, and why; nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class NewWebhook(msgspec.Struct, frozen=True):
    """A receiver that was just registered."""

    secret: str
    """Verifies what it is sent. Told this once."""
    webhook: Webhook


class WebhookPage(msgspec.Struct, frozen=True):
    """The newest first."""

    items: list[Webhook]


class DeliveryPage(msgspec.Struct, frozen=True):
    """The newest first."""

    items: list[Delivery]
    next_cursor: int | None
    """Null: these were the last."""


class Queued(msgspec.Struct, frozen=True):
    """A delivery that will be made within a second, if the receiver answers."""

    delivery_id: int
