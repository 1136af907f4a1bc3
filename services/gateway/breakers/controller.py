"""Look at circuit breakers; hold one open or closed, or reset it."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.breakers import schemas
from services.gateway.dependencies import Gateway
from services.gateway.security import needs
from services.gateway.service_names import service_named
from shared import log
from shared.domain.breaker import Order
from shared.domain.phases import SERVICES, of_service
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store.breakers import (
    BreakerRow,
    find_breakers,
    find_changes,
    hasten_breaker_items,
    order_breaker,
)
from shared.store.pool import Connection

_log = log.get(__name__)


class BreakerController(Controller):
    """/api/v1/monitoring/circuit-breakers"""

    path = "/monitoring/circuit-breakers"
    tags = ("monitoring",)
    opt = needs(reads=Scope.READ_OPERATIONS, writes=Scope.WRITE_BREAKERS)

    @get("/", operation_id="listBreakers", summary="State of every service's circuit breaker.")
    async def list_all(self, gateway: NamedDependency[Gateway]) -> schemas.Breakers:
        """At most a second behind what the workers do."""
        async with gateway.connection() as conn:
            known = await find_breakers(conn)
        return schemas.Breakers([known.get(service, BreakerRow(service)) for service in SERVICES])

    @get("/{service_name:str}", operation_id="getBreaker", summary="One breaker, with its latest changes.")
    async def detail(
        self, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> schemas.BreakerDetail:
        """404 for an unknown service."""
        service = service_named(service_name)
        async with gateway.connection() as conn:
            return schemas.BreakerDetail(await _row(conn, service), await find_changes(conn, service))

    @post(
        "/{service_name:str}/reset",
        operation_id="resetBreaker",
        status_code=200,
        summary="Close a breaker and leave it to itself again.",
    )
    async def reset(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> BreakerRow:
        """Carried out within 2 seconds; what has waited for it goes on. Needs no body."""
        body = decode(await request.body() or b"{}", schemas.ResetBreaker)
        return await _carry_out(request, gateway, service_name, Order.RESET, body)

    @post(
        "/{service_name:str}/open",
        operation_id="openBreaker",
        status_code=200,
        summary="Hold a breaker open: no call starts until it is reset.",
    )
    async def open(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> BreakerRow:
        """Carried out within 2 seconds; calls in flight end."""
        body = decode(await request.body(), schemas.HoldBreaker)
        return await _carry_out(request, gateway, service_name, Order.OPEN, body)

    @post(
        "/{service_name:str}/close",
        operation_id="closeBreaker",
        status_code=200,
        summary="Hold a breaker closed: it does not open, whatever fails, until it is reset.",
    )
    async def close(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> BreakerRow:
        """Carried out within 2 seconds; what has waited for it goes on."""
        body = decode(await request.body(), schemas.HoldBreaker)
        return await _carry_out(request, gateway, service_name, Order.CLOSE, body)


async def _carry_out(
    request: AnyRequest,
    gateway: Gateway,
    service_name: str,
    order: Order,
    body: schemas.ResetBreaker | schemas.HoldBreaker,
) -> BreakerRow:
    service, actor = service_named(service_name), actor_of(request, body.actor)
    async with gateway.unit_of_work() as conn:
        await order_breaker(conn, service, order, actor=actor, reason=body.reason)
        if order is not Order.OPEN:
            await hasten_breaker_items(conn, of_service(service).name)
        row = await _row(conn, service)
    _log.info("breaker_ordered", service=service, order=order, actor=actor, reason=body.reason)
    return row


async def _row(conn: Connection, service: str) -> BreakerRow:
    return (await find_breakers(conn)).get(service, BreakerRow(service))
