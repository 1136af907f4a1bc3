"""The queues: their lengths, and a replay of all that is dead in one."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dead_letters.copies import renew_copies
from services.gateway.dependencies import Gateway
from services.gateway.job_queues import schemas
from services.gateway.monitoring.verdict import NOT_CHECKED, OK
from services.gateway.service_names import queue_named
from shared import log
from shared.domain.strict_json import decode
from shared.store.dead_letter_views import Selection
from shared.store.dead_letters import redispatch_bare, replay_dead_letters
from shared.store.job_queues import read_queues
from shared.store.snapshot import snapshot

_log = log.get(__name__)


class JobQueueController(Controller):
    """/api/v1/monitoring/job-queues"""

    path = "/monitoring/job-queues"
    tags = ("monitoring",)

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
    ) -> schemas.Retried:
        """From the record, so that it does not matter what Redis lost; then what is dead in Redis alone."""
        queue = queue_named(queue_name)
        body = decode(await request.body() or b"{}", schemas.RetryRequest)
        actor = actor_of(request, body.actor)
        moved = await replay_dead_letters(
            gateway.pool, Selection(queue=queue), actor=actor, reason=body.reason
        )
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
