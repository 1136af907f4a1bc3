"""POST /pipeline/plan: the body that would start a pipeline, and what it would take."""

from typing import Final

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.pipelines.beginning import find_earlier, read
from services.gateway.planning.estimate import Plan, plan
from services.gateway.security import needs
from shared.domain.scope import Scope

TAKEN_OVER: Final = (
    "what the earlier pipeline has completed is not subtracted: it will take no more than this"
)


class PlanController(Controller):
    """/api/v1/pipeline/plan"""

    path = "/pipeline/plan"
    tags = ("pipelines",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.READ_PIPELINES)

    @post("/", operation_id="planPipeline", status_code=200, summary="What a start would take; nothing is started.")  # fmt: skip
    async def plan(self, request: AnyRequest, gateway: NamedDependency[Gateway]) -> Plan:
        """The start's own body.

        Calls, units, money, quota and time by phase: exact for volumes and searches, unless a call must be repeated;
        an 80 % interval for what they find.
        """
        body = await request.body()
        async with gateway.connection() as conn:
            earlier = await find_earlier(conn, body)
        frozen = await read(gateway, body, earlier)
        async with gateway.connection() as conn:
            planned = await plan(conn, gateway.data_source, frozen.config)
        warnings = [*frozen.warnings, *([TAKEN_OVER] if earlier else [])]
        return msgspec.structs.replace(planned, merged=len(frozen.merged), warnings=warnings)
