"""Dead letters: list, group by cause, inspect, edit, replay, discard."""

from typing import Annotated, Any, Final, Literal

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, PathParameter, QueryParameter

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dead_letters import schemas
from services.gateway.dead_letters.copies import renew_copies
from services.gateway.dependencies import Gateway
from services.gateway.operations.beginning import done_or_begun
from services.gateway.security import DRY_RUNS, needs
from services.gateway.service_names import QUEUES
from shared import log
from shared.domain.operation import Kind
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.store.dead_letter_views import (
    NEWEST,
    LetterDetail,
    get_dead_letter,
    group_dead_letters,
    list_dead_letters,
)
from shared.store.dead_letters import count_selected, discard_dead_letters, edit_input, replay_dead_letters
from shared.store.operations import Operation, begin_letters
from shared.store.pool import Connection

_log = log.get(__name__)

#: Letters in one answer.
LIMIT: Final = 200
_STATES: Final = {
    "open": ("dead_letter",),
    "replayed": ("replayed",),
    "discarded": ("discarded",),
    "all": ("dead_letter", "replayed", "discarded"),
}
JobId = Annotated[int, PathParameter(ge=1, le=2**53 - 1)]
State = Literal["open", "replayed", "discarded", "all"]


class DeadLetterController(Controller):
    """/api/v1/dead-letters"""

    path = "/dead-letters"
    tags = ("dead letters",)
    opt = needs(reads=Scope.READ_OPERATIONS, writes=Scope.WRITE_DEAD_LETTERS)

    @get("/", operation_id="listDeadLetters", summary="Dead letters, the newest first.")
    async def list_letters(
        self,
        *,
        gateway: NamedDependency[Gateway],
        phase: FromQuery[str | None] = None,
        service: FromQuery[str | None] = None,
        category: FromQuery[str | None] = None,
        fingerprint: FromQuery[str | None] = None,
        pipeline_id: FromQuery[str | None] = None,
        in_state: FromQuery[State] = "open",
        cursor: Annotated[int | None, QueryParameter(ge=1, le=NEWEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> schemas.LetterPage:
        """A page; `next_cursor` leads to the next."""
        selection = schemas.selection_from_query(
            phase=phase,
            service=service,
            category=category,
            fingerprint=fingerprint,
            pipeline_id=pipeline_id,
        )
        async with gateway.connection() as conn:
            letters = await list_dead_letters(
                conn, selection, states=_STATES[in_state], before=cursor or NEWEST, limit=limit
            )
        return schemas.LetterPage(letters, letters[-1].job_id if len(letters) == limit else None)

    @get("/groups", operation_id="groupDeadLetters", summary="Open dead letters by cause.")
    async def groups(
        self,
        gateway: NamedDependency[Gateway],
        phase: FromQuery[str | None] = None,
        service: FromQuery[str | None] = None,
        category: FromQuery[str | None] = None,
        pipeline_id: FromQuery[str | None] = None,
    ) -> schemas.GroupPage:
        """At most a hundred causes, the most frequent first."""
        selection = schemas.selection_from_query(
            phase=phase, service=service, category=category, pipeline_id=pipeline_id
        )
        async with gateway.connection() as conn:
            return schemas.GroupPage(await group_dead_letters(conn, selection))

    @get("/{job_id:int}", operation_id="getDeadLetter", summary="One dead letter with input and history.")
    async def detail(self, gateway: NamedDependency[Gateway], job_id: JobId) -> LetterDetail:
        """Open or closed; 404 when there is none."""
        async with gateway.connection() as conn:
            return await get_dead_letter(conn, job_id)

    @patch(
        "/{job_id:int}", operation_id="editDeadLetter", summary="Give an open letter's item another input."
    )
    async def edit(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], job_id: JobId
    ) -> LetterDetail:
        """It is used when the letter is replayed. What it was before stays in the history."""
        body = schemas.parse_edit(await request.body())
        actor = actor_of(request, body.actor)
        async with gateway.unit_of_work() as conn:
            return await edit_input(conn, job_id, body.input, actor=actor, reason=body.reason)

    @post(
        "/replay",
        operation_id="replayDeadLetters",
        status_code=200,
        opt=DRY_RUNS,
        summary="Put letters' items back to work.",
    )
    async def replay(self, request: AnyRequest, gateway: NamedDependency[Gateway]) -> Response[schemas.Moved]:
        """Each once, however often it is asked for. An ended pipeline goes on, and its figures are computed anew.

        More than 5,000 become an operation, which goes on by itself: 202.
        """
        return await _move(request, gateway, decode(await request.body(), schemas.ReplayRequest))

    @post(
        "/discard",
        operation_id="discardDeadLetters",
        status_code=200,
        opt=DRY_RUNS,
        summary="Close letters for good.",
    )
    async def discard(
        self, request: AnyRequest, gateway: NamedDependency[Gateway]
    ) -> Response[schemas.Moved]:
        """Their items stay failed, as gaps of their pipelines. More than 5,000 become an operation: 202."""
        return await _move(request, gateway, decode(await request.body(), schemas.DiscardRequest))


async def _move(
    request: AnyRequest, gateway: Gateway, body: schemas.ReplayRequest | schemas.DiscardRequest
) -> Response[Any]:
    selection = schemas.selection_of(body)
    actor = actor_of(request, body.actor)
    asked = len(selection.job_ids or ())
    if body.dry_run:
        async with gateway.connection() as conn:
            count = await count_selected(conn, selection)
        return Response(schemas.Moved(count, 0, max(0, asked - count), dry_run=True))
    kind = Kind.REPLAY if isinstance(body, schemas.ReplayRequest) else Kind.DISCARD

    async def begin(conn: Connection) -> Operation | None:
        return await begin_letters(conn, kind, selection, actor=actor, reason=body.reason)

    async def move() -> schemas.Moved:
        store = replay_dead_letters if kind is Kind.REPLAY else discard_dead_letters
        moved = await store(gateway.pool, selection, actor=actor, reason=body.reason)
        if moved.letters:
            _log.info("dead_letters_moved", verb=kind, letters=moved.letters, actor=actor)
            await renew_copies(gateway, [selection.queue] if selection.queue else QUEUES)
        unchanged = max(0, asked - moved.letters - moved.refused)
        return schemas.Moved(moved.letters, moved.refused, unchanged, dry_run=False)

    return await done_or_begun(request, gateway, begin, move)
