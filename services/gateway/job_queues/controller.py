"""The queues: their lengths, a replay of all that is dead in one, and pauses."""

from collections.abc import Awaitable, Callable

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dead_letters.copies import renew_copies
from services.gateway.dependencies import Gateway
from services.gateway.job_queues import schemas
from services.gateway.monitoring.verdict import NOT_CHECKED, OK
from services.gateway.operations.beginning import ACCEPTED, done_or_begun
from services.gateway.security import needs
from services.gateway.service_names import queue_named
from shared import log
from shared.domain.operation import Kind
from shared.domain.phases import HOUSEKEEPING
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.errors import ConflictError
from shared.store.control import Act
from shared.store.dead_letter_views import Selection
from shared.store.dead_letters import redispatch_bare, replay_dead_letters
from shared.store.job_queues import read_queues
from shared.store.operations import Operation, begin_letters
from shared.store.pool import Connection
from shared.store.queue_pauses import list_queue_actions, pause_queue, unpause_queue
from shared.store.snapshot import snapshot

_log = log.get(__name__)


class JobQueueController(Controller):
    """/api/v1/monitoring/job-queues"""

    path = "/monitoring/job-queues"
    tags = ("monitoring",)
    opt = needs(reads=Scope.READ_OPERATIONS, writes=Scope.WRITE_QUEUES)

    @get("/", operation_id="listJobQueues", summary="How long the queues are, and what is dead in them.")
    async def list_queues(self, gateway: NamedDependency[Gateway]) -> schemas.QueuePage:
        """One queue per service, and one for what needs no provider."""
        async with gateway.connection() as conn, snapshot(conn):
            return schemas.QueuePage(await read_queues(conn))

    @post(
        "/{queue_name:str}/retry-dead-letter",
        operation_id="retryDeadLetters",
        status_code=200,
        summary="Replay all dead letters of a queue, and its dead messages.",
    )
    async def retry(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], queue_name: FromPath[str]
    ) -> Response[schemas.Retried]:
        """From the record, so that it does not matter what Redis lost; then what is dead in Redis alone.

        More than 5,000 letters become an operation, which goes on by itself: 202.
        """
        queue = queue_named(queue_name)
        body = decode(await request.body() or b"{}", schemas.RetryRequest)
        actor = actor_of(request, body.actor)

        selection = Selection(queue=queue)

        async def begin(conn: Connection) -> Operation | None:
            return await begin_letters(conn, Kind.REPLAY, selection, actor=actor, reason=body.reason)

        async def replay() -> schemas.Retried:
            moved = await replay_dead_letters(gateway.pool, selection, actor=actor, reason=body.reason)
            redispatched, dropped, redis = await _retry_bare(gateway, queue)
            if moved.letters:
                await renew_copies(gateway, [queue])
            _log.info(
                "queue_retried",
                queue=queue,
                actor=actor,
                replayed=moved.letters,
                redispatched=len(redispatched),
                dropped=len(dropped),
            )
            return schemas.Retried(queue, moved.letters, moved.refused, redispatched, dropped, redis)

        answer = await done_or_begun(request, gateway, begin, replay)
        if answer.status_code == ACCEPTED:
            # The answer is the operation: only the log tells of these.
            redispatched, dropped, redis = await _retry_bare(gateway, queue)
            for message in dropped:
                _log.warning(
                    "bare_message_dropped", queue=queue, message_id=message.message_id, why=message.why
                )
            _log.info(
                "bare_messages_retried",
                queue=queue,
                actor=actor,
                redispatched=len(redispatched),
                dropped=len(dropped),
                redis=redis,
            )
        return answer

    @post(
        "/{queue_name:str}/pause",
        operation_id="pauseQueue",
        status_code=200,
        summary="Start no more calls of a service for now.",
    )
    async def pause(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], queue_name: FromPath[str]
    ) -> schemas.QueueSteered:
        """In every worker within two seconds; no attempt is spent, and calls in flight end. 409 when it is paused."""
        body = decode(await request.body(), schemas.PauseQueue)
        act = Act(actor_of(request, body.actor), body.reason)
        return await _steer(gateway, queue_name, act, pause_queue, paused=True)

    @post(
        "/{queue_name:str}/unpause",
        operation_id="unpauseQueue",
        status_code=200,
        summary="Go on after a pause.",
    )
    async def unpause(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], queue_name: FromPath[str]
    ) -> schemas.QueueSteered:
        """At once. Needs no body. 409 unless it is paused."""
        body = decode(await request.body() or b"{}", schemas.UnpauseQueue)
        act = Act(actor_of(request, body.actor), body.reason)
        return await _steer(gateway, queue_name, act, unpause_queue, paused=False)

    @get(
        "/{queue_name:str}/actions",
        operation_id="listQueueActions",
        summary="Who paused and unpaused a queue, and why.",
    )
    async def actions(
        self, gateway: NamedDependency[Gateway], queue_name: FromPath[str]
    ) -> schemas.QueueActionPage:
        """The newest hundred."""
        async with gateway.connection() as conn:
            return schemas.QueueActionPage(await list_queue_actions(conn, queue_named(queue_name)))


async def _steer(
    gateway: Gateway,
    name: str,
    act: Act,
    change: Callable[[Connection, str, Act], Awaitable[int]],
    *,
    paused: bool,
) -> schemas.QueueSteered:
    queue = queue_named(name)
    if queue == HOUSEKEEPING:
        raise ConflictError(
            "the queue housekeeping starts no calls and cannot be paused; pause a pipeline instead"
        )
    async with gateway.unit_of_work() as conn:
        withdrawn = await change(conn, queue, act)
    _log.info("queue_steered", queue=queue, paused=paused, actor=act.actor, reason=act.reason)
    return schemas.QueueSteered(queue, paused, withdrawn)


async def _retry_bare(gateway: Gateway, queue: str) -> tuple[list[int], list[schemas.Dropped], str]:
    """Dead messages without a letter: (jobs sent again, what else was taken out, ok or why not).

    Taken out first: whoever dies then loses a hint only, for a job nobody claims is sent again anyway.
    """
    redispatched: list[int] = []
    dropped: list[schemas.Dropped] = []
    if gateway.dead_messages is None:
        return redispatched, dropped, NOT_CHECKED
    try:
        bare = await gateway.dead_messages.take_bare(queue)
    except OSError as error:
        return redispatched, dropped, str(error)
    async with gateway.connection() as conn:
        for dead in bare:
            why: str | None = "it is no message of ours"
            if dead.message:
                why = await redispatch_bare(conn, queue, dead.message.job_id)
            if why:
                dropped.append(schemas.Dropped(dead.message_id, why))
            elif dead.message:
                redispatched.append(dead.message.job_id)
    return redispatched, dropped, OK
