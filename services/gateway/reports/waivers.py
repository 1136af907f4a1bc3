"""Gates of a report that somebody lets pass, by name and with a reason that is printed on it."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from services.gateway.actor import Actor, AnyRequest, GivenReason, actor_of, asked_reason
from services.gateway.dependencies import Gateway
from services.gateway.security import needs
from shared import log
from shared.domain.publication import GATES
from shared.domain.report_rows import Waiver
from shared.domain.scope import Scope
from shared.domain.strict_json import decode, nearest
from shared.errors import NotFoundError
from shared.store.pipelines import get_pipeline_state
from shared.store.waivers import list_waivers, take_back, waive

_log = log.get(__name__)


class WaiveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a gate may be passed over."""

    reason: GivenReason
    actor: Annotated[
        Actor, Meta(description="Who says so; by default the header X-Actor, else the API key.")
    ] = ""


class WaiverPage(msgspec.Struct, frozen=True):
    """All waivers of a pipeline's report."""

    items: list[Waiver]


class WaiverController(Controller):
    """/api/v1/pipeline/{pipeline_id}/report/waivers"""

    path = "/pipeline/{pipeline_id:uuid}/report/waivers"
    tags = ("reports",)
    opt = needs(reads=Scope.READ_REPORTS, writes=Scope.WRITE_PIPELINES)

    @get("", operation_id="listWaivers", summary="Which gates of a report somebody lets pass.")
    async def waivers(self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]) -> WaiverPage:
        """By gate."""
        async with gateway.connection() as conn:
            await get_pipeline_state(conn, pipeline_id)
            return WaiverPage(await list_waivers(conn, pipeline_id))

    @put("/{gate:str}", operation_id="waiveGate", summary="Let a gate pass; the report says who did and why.")
    async def waive(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        gate: FromPath[str],
    ) -> WaiverPage:
        """Also before it refuses anything. 404 for a gate there is not."""
        body = decode(await request.body() or b"{}", WaiveRequest)
        _require_gate(gate)
        actor = actor_of(request, body.actor)
        async with gateway.unit_of_work() as conn:
            await get_pipeline_state(conn, pipeline_id)
            await waive(conn, pipeline_id, gate, actor=actor, reason=body.reason)
            found = await list_waivers(conn, pipeline_id)
        _log.info("gate_waived", pipeline_id=str(pipeline_id), gate=gate, actor=actor)
        return WaiverPage(found)

    @delete("/{gate:str}", operation_id="takeBackWaiver", summary="Let a gate stand again.")
    async def take_back(
        self,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        gate: FromPath[str],
        reason: FromQuery[str] = "",
    ) -> None:
        """404 when it was not waived. The reason stays in the audit log."""
        asked_reason(reason)
        _require_gate(gate)
        async with gateway.unit_of_work() as conn:
            await take_back(conn, pipeline_id, gate)
        _log.info("waiver_taken_back", pipeline_id=str(pipeline_id), gate=gate)


def _require_gate(name: str) -> None:
    if name not in GATES:
        raise NotFoundError(f"{name[:60]!r} is no gate; {nearest(name, tuple(GATES))}")
