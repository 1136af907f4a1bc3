"""Calls in doubt: listing them, and deciding what they cost, so that what they hold up goes on."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from services.gateway.actor import Actor, AnyRequest, Reason, actor_of
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.security import DRY_RUNS, needs
from shared import log
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store.control import Act
from shared.store.doubts import LIMIT, Decision, DoubtedCall, decide_calls, list_doubted_calls
from shared.store.pool import Connection

_log = log.get(__name__)

#: Calls one decision may name; without ids it is about all.
MOST: Final = 1000


def _check_call_id(text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        raise ValueError("is no id of a call; GET …/in-doubt lists them") from None


CallId = Annotated[str, Meta(extra={"check": _check_call_id})]


class DoubtedPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[DoubtedCall]


class DecisionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of calls in doubt."""

    decision: Decision
    """rebuy: nobody knows what it cost. charged: it cost what was set aside. not_charged: it cost nothing."""
    call_ids: Annotated[list[CallId], Meta(min_length=1, max_length=MOST)] | None = None
    """None: all of the pipeline about which nobody has decided."""
    actor: Actor = ""
    reason: Reason = ""
    dry_run: bool = False
    """Only say what it would come to: all of it is done, and taken back."""


class Decided(msgspec.Struct, frozen=True):
    """What came of it."""

    calls: int
    """About which this request decided; with `dry_run` would decide."""
    dry_run: bool


class DoubtController(Controller):
    """/api/v1/pipeline/{pipeline_id}/in-doubt"""

    path = "/pipeline/{pipeline_id:uuid}/in-doubt"
    tags = ("spending",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @get("/", operation_id="listCallsInDoubt", summary="Calls that may have been charged, newest first.")
    async def list(
        self,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 100,
    ) -> DoubtedPage:
        """Each left, and no answer of it is on record. Units and money are what it may have cost at the most."""
        async with gateway.connection() as conn:
            return DoubtedPage(await list_doubted_calls(conn, pipeline_id, limit))

    @post(
        "/decide",
        operation_id="decideCallsInDoubt",
        status_code=200,
        opt=DRY_RUNS,
        summary="Say what they cost.",
    )
    async def decide(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> Response[Decided]:
        """Items that wait for the decision are bought again at once, with any of the three."""
        body = decode(await request.body(), DecisionRequest)
        act = Act(actor_of(request, body.actor), body.reason)
        call_ids = None if body.call_ids is None else [UUID(call_id) for call_id in body.call_ids]

        async def record(conn: Connection) -> Decided:
            calls = await decide_calls(conn, pipeline_id, body.decision, call_ids, act)
            if not body.dry_run:
                _log.info(
                    "calls_decided",
                    pipeline_id=str(pipeline_id),
                    decision=body.decision,
                    calls=calls,
                    actor=act.actor,
                )
            return Decided(calls, body.dry_run)

        return await once(request, gateway, record, dry_run=body.dry_run)
