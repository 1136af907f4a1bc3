"""Register receivers of events, see what they were sent, send it again."""

from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, PathParameter, QueryParameter

from services.gateway.actor import AnyRequest, asked_reason
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.security import needs
from services.gateway.webhooks import schemas
from shared import log
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.domain.webhook import check_url
from shared.errors import InputError, Problem
from shared.store import webhooks
from shared.store.pool import Connection
from shared.store.webhooks import NEWEST, Webhook

_log = log.get(__name__)

#: Deliveries in one answer.
LIMIT: Final = 200
DeliveryId = Annotated[int, PathParameter(ge=1, le=NEWEST - 1)]
State = Literal["pending", "delivered", "failed"]


class WebhookController(Controller):
    """/api/v1/webhooks"""

    path = "/webhooks"
    tags = ("webhooks",)
    # Addresses may hold what opens them: only who may change them sees them.
    opt = needs(reads=Scope.WRITE_SETTINGS, writes=Scope.WRITE_SETTINGS)

    @post("/", operation_id="createWebhook", summary="Send events to an address from now on.")
    async def create(
        self, request: AnyRequest, gateway: NamedDependency[Gateway]
    ) -> Response[schemas.NewWebhook]:
        """Signed by Standard Webhooks; the secret is shown this once. 409 when there are a hundred."""
        body = decode(await request.body(), schemas.WebhookRequest)
        try:
            check_url(body.url, allow_private=gateway.private_webhooks)
        except ValueError as error:
            raise InputError(Problem("/url", str(error))) from None

        async def record(conn: Connection) -> schemas.NewWebhook:
            webhook, secret = await webhooks.create_webhook(conn, body.url, body.events)
            _log.info("webhook_created", webhook_id=str(webhook.webhook_id), events=webhook.events)
            return schemas.NewWebhook(secret, webhook)

        return await once(request, gateway, record, status=201)

    @get("/", operation_id="listWebhooks", summary="Who is sent events, the newest first.")
    async def list_newest(self, gateway: NamedDependency[Gateway]) -> schemas.WebhookPage:
        """With how each of them fares."""
        async with gateway.connection() as conn:
            return schemas.WebhookPage(await webhooks.list_webhooks(conn))

    @get("/{webhook_id:uuid}", operation_id="getWebhook", summary="One receiver.")
    async def detail(self, gateway: NamedDependency[Gateway], webhook_id: FromPath[UUID]) -> Webhook:
        """404 when there is none."""
        async with gateway.connection() as conn:
            return await webhooks.get_webhook(conn, webhook_id)

    @delete("/{webhook_id:uuid}", operation_id="deleteWebhook", summary="Send nothing to it any more.")
    async def remove(
        self, gateway: NamedDependency[Gateway], webhook_id: FromPath[UUID], reason: FromQuery[str] = ""
    ) -> None:
        """What it was still to be sent is forgotten. The reason stays in the audit log."""
        asked_reason(reason)
        async with gateway.unit_of_work() as conn:
            await webhooks.delete_webhook(conn, webhook_id)
        _log.info("webhook_deleted", webhook_id=str(webhook_id))

    @post("/{webhook_id:uuid}/enable", operation_id="enableWebhook", status_code=200, summary="Try it again at once.")  # fmt: skip
    async def enable(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], webhook_id: FromPath[UUID]
    ) -> Webhook:
        """One that was disabled is sent what happens from now on."""
        decode(await request.body() or b"{}", schemas.SignedRequest)
        async with gateway.unit_of_work() as conn:
            return await webhooks.enable_webhook(conn, webhook_id)

    @post("/{webhook_id:uuid}/test", operation_id="testWebhook", status_code=202, summary="Send a message that tells of nothing.")  # fmt: skip
    async def test(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], webhook_id: FromPath[UUID]
    ) -> schemas.Queued:
        """Its type is webhook.test; what became of it is among the deliveries. 409 while the webhook is disabled."""
        decode(await request.body() or b"{}", schemas.SignedRequest)
        async with gateway.unit_of_work() as conn:
            return schemas.Queued(await webhooks.send_test(conn, webhook_id))

    @get("/{webhook_id:uuid}/deliveries", operation_id="listDeliveries", summary="What it was sent, and what became of it.")  # fmt: skip
    async def deliveries(
        self,
        *,
        gateway: NamedDependency[Gateway],
        webhook_id: FromPath[UUID],
        in_state: FromQuery[State | None] = None,
        cursor: Annotated[int | None, QueryParameter(ge=1, le=NEWEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> schemas.DeliveryPage:
        """The newest first. They are kept for a month."""
        async with gateway.connection() as conn:
            items = await webhooks.list_deliveries(
                conn, webhook_id, state=in_state, before=cursor or NEWEST, limit=limit
            )
        return schemas.DeliveryPage(items, items[-1].delivery_id if len(items) == limit else None)

    @post("/{webhook_id:uuid}/deliveries/{delivery_id:int}/redeliver", operation_id="redeliver", status_code=202, summary="Send a delivery again.")  # fmt: skip
    async def redeliver(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        webhook_id: FromPath[UUID],
        delivery_id: DeliveryId,
    ) -> schemas.Queued:
        """With the same id, by which the receiver knows it. 409 for one that is still to be made, or while the webhook is disabled."""
        decode(await request.body() or b"{}", schemas.SignedRequest)
        async with gateway.unit_of_work() as conn:
            await webhooks.repeat_delivery(conn, webhook_id, delivery_id)
        return schemas.Queued(delivery_id)
