"""Look at circuit breakers; hold one open or closed, reset it, or edit what it goes by."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.breakers import schemas
from services.gateway.conditions import etag, require_match
from services.gateway.dependencies import Gateway
from services.gateway.security import SETS, needs
from services.gateway.service_names import service_named
from shared import log
from shared.domain.breaker import Order
from shared.domain.breaker_policy import PolicyEdits, as_fields
from shared.domain.phases import SERVICES, of_service
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store.breaker_policies import (
    PolicyRow,
    edit_breaker_policy,
    get_breaker_policy,
    list_breaker_policies,
    lock_breaker_policy,
)
from shared.store.breakers import (
    BreakerRow,
    find_breakers,
    find_changes,
    hasten_breaker_items,
    order_breaker,
)
from shared.store.pool import Connection
from shared.store.snapshot import snapshot

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
        async with gateway.connection() as conn, snapshot(conn):
            return schemas.BreakerDetail(
                await _row(conn, service),
                await find_changes(conn, service),
                await get_breaker_policy(conn, service),
                await list_breaker_policies(conn, service),
            )

    @get(
        "/{service_name:str}/policy",
        operation_id="getBreakerPolicy",
        summary="When a breaker opens and closes, with its ETag.",
    )
    async def policy(
        self, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> Response[PolicyRow]:
        """What is configured, what an operator has set beside it, and what is in force; 404 for an unknown service."""
        async with gateway.connection() as conn:
            return _tagged(await get_breaker_policy(conn, service_named(service_name)))

    @patch(
        "/{service_name:str}/policy",
        operation_id="editBreakerPolicy",
        summary="Change when a breaker opens and closes.",
        opt=SETS,
    )
    async def edit_policy(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> Response[PolicyRow]:
        """What is left out stays as it is, null is as configured. Workers follow within 5 seconds.

        A breaker that is open is tried out when it was to be; the new time holds from its next opening.
        """
        service, body = service_named(service_name), await request.body()
        async with gateway.unit_of_work() as conn:
            row = await lock_breaker_policy(conn, service)
            require_match(request, etag(row.service, row.version))
            edit = schemas.read_edit(body, row.edits)
            actor = actor_of(request, edit.actor)
            return _edited(
                await edit_breaker_policy(conn, service, edit.edits, actor=actor, reason=edit.reason)
            )

    @post(
        "/{service_name:str}/policy/reset",
        operation_id="resetBreakerPolicy",
        summary="Set a breaker's policy back to what its workers are configured to.",
        status_code=200,
        opt=SETS,
    )
    async def reset_policy(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], service_name: FromPath[str]
    ) -> Response[PolicyRow]:
        """Workers follow within 5 seconds. The breaker itself stays as it is."""
        service, signed = service_named(service_name), decode(await request.body(), schemas.PolicyReset)
        async with gateway.unit_of_work() as conn:
            row = await lock_breaker_policy(conn, service)
            require_match(request, etag(row.service, row.version))
            actor = actor_of(request, signed.actor)
            return _edited(
                await edit_breaker_policy(conn, service, PolicyEdits(), actor=actor, reason=signed.reason)
            )

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


def _edited(row: PolicyRow) -> Response[PolicyRow]:
    _log.info(
        "breaker_policy_edited",
        service=row.service,
        edits=as_fields(row.edits),
        actor=row.changed_by,
        reason=row.reason,
    )
    return _tagged(row)


def _tagged(row: PolicyRow) -> Response[PolicyRow]:
    return Response(row, headers={"ETag": etag(row.service, row.version)})


async def _row(conn: Connection, service: str) -> BreakerRow:
    return (await find_breakers(conn)).get(service, BreakerRow(service))
