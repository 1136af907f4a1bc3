"""The budget of a pipeline, and what providers were charged by the day."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from services.gateway.actor import Actor, AnyRequest, Reason, actor_of
from services.gateway.conditions import etag, require_match
from services.gateway.dependencies import Gateway
from services.gateway.security import OF_OPERATIONS, needs
from shared import log
from shared.domain.scope import Scope
from shared.domain.start import Money
from shared.domain.strict_json import decode
from shared.store.control import Act
from shared.store.spending import Budget, Day, get_budget, list_days, lock_budget, set_budget

_log = log.get(__name__)

#: Rows in one answer.
LIMIT: Final = 500


class BudgetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a pipeline may spend in all."""

    budget: Money
    actor: Actor = ""
    reason: Reason = ""


class DayPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[Day]


class SpendingController(Controller):
    """/api/v1/pipeline/{pipeline_id}/budget and /api/v1/monitoring/spending"""

    tags = ("spending",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @get("/pipeline/{pipeline_id:uuid}/budget", operation_id="getBudget", summary="What it may spend, and what is committed.")  # fmt: skip
    async def budget(
        self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> Response[Budget]:
        """Committed is what was spent, and what calls under way or in doubt may cost at the most."""
        async with gateway.connection() as conn:
            return _tagged(await get_budget(conn, pipeline_id))

    @put("/pipeline/{pipeline_id:uuid}/budget", operation_id="setBudget", summary="Raise, lower or set a budget.")  # fmt: skip
    async def set_budget(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> Response[Budget]:
        """Acts on the next call; items that wait for it try again at once. What is committed stays committed."""
        body = decode(await request.body(), BudgetRequest)
        act = Act(actor_of(request, body.actor), body.reason)
        async with gateway.unit_of_work() as conn:
            require_match(request, etag((await lock_budget(conn, pipeline_id)).budget))
            await set_budget(conn, pipeline_id, body.budget, act)
            budget = await get_budget(conn, pipeline_id)
        _log.info("budget_set", pipeline_id=str(pipeline_id), budget=body.budget, actor=act.actor)
        return _tagged(budget)

    @get(
        "/monitoring/spending",
        operation_id="listSpending",
        opt=OF_OPERATIONS,
        summary="Units by provider and day.",
    )
    async def days(
        self, gateway: NamedDependency[Gateway], limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50
    ) -> DayPage:
        """Days are the providers' own; the limit is that of a day's first call, or of the last change."""
        async with gateway.connection() as conn:
            return DayPage(await list_days(conn, limit))


def _tagged(budget: Budget) -> Response[Budget]:
    """The tag is of what can be set; what is committed changes with every call."""
    return Response(budget, headers={"ETag": etag(budget.budget)})
