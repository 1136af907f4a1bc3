"""POST /pipeline/plan: the body that would start a pipeline, and what it would take."""

import asyncio

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency

from services.gateway.actor import AnyRequest
from services.gateway.dependencies import Gateway
from services.gateway.planning.estimate import Plan, plan
from services.gateway.security import needs
from shared.domain.pipeline import Frozen, PipelineConfig, freeze
from shared.domain.scope import Scope
from shared.domain.start import parse
from shared.errors import InputError, Problem


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

        def read() -> Frozen:
            return freeze(parse(body), gateway.data_source, gateway.services, gateway.model)

        frozen = await asyncio.to_thread(read)
        planned = await plan(gateway, frozen.config)
        return msgspec.structs.replace(planned, merged=len(frozen.merged), warnings=frozen.warnings)


async def refuse_over_budget(gateway: Gateway, config: PipelineConfig) -> None:
    """Raise InputError when the least a pipeline will cost is more than its budget."""
    if config.budget is None:
        return
    planned = await plan(gateway, config)
    if planned.affordable is False and planned.money:
        detail = (
            f"the least it will cost is {planned.money.low:.2f}, expected are {planned.money.expected:.2f}, and the budget"
            f" is {config.budget:.2f}: raise it, or search less; POST /api/v1/pipeline/plan has the figures"
        )
        raise InputError(Problem("/config/budget", detail))
