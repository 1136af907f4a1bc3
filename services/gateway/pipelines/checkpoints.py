"""Checkpoints of a pipeline: list, write, verify, and go back to one."""

from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.pipelines import schemas
from services.gateway.security import DRY_RUNS, needs
from shared import log
from shared.domain.checkpoint import check_name
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.errors import NotFoundError
from shared.store import checkpoints
from shared.store.checkpoints import Checkpoint, Verification
from shared.store.control import Act
from shared.store.pipelines import get_pipeline_state
from shared.store.pool import Connection

_log = log.get(__name__)


class CheckpointController(Controller):
    """/api/v1/pipeline/{pipeline_id}/checkpoints"""

    path = "/pipeline/{pipeline_id:uuid}/checkpoints"
    tags = ("checkpoints",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @get("/", operation_id="listCheckpoints", summary="Positions that can be gone back to, newest first.")
    async def list_newest(
        self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]
    ) -> schemas.CheckpointPage:
        """At most a thousand."""
        async with gateway.connection() as conn:
            await get_pipeline_state(conn, pipeline_id)
            return schemas.CheckpointPage(await checkpoints.list_checkpoints(conn, pipeline_id))

    @post("/", operation_id="createCheckpoint", summary="Write down the present position under a name.")
    async def create(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
    ) -> Response[Checkpoint]:
        """409 when the name is taken, or the pipeline was started without checkpoints."""
        body = decode(await request.body() or b"{}", schemas.CheckpointRequest)
        check_name(body.name)
        act = Act(actor_of(request, body.actor), body.reason)

        async def record(conn: Connection) -> Checkpoint:
            return await checkpoints.create_checkpoint(conn, pipeline_id, body.name, act)

        return await once(request, gateway, record, status=201)

    @get("/{name:str}/verify", operation_id="verifyCheckpoint", summary="Is everything before it as it was?")
    async def verify(
        self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID], name: FromPath[str]
    ) -> Verification:
        """Reads every result before it; of a big pipeline that takes seconds."""
        _require_name(name)
        async with gateway.connection() as conn:
            return await checkpoints.verify_checkpoint(conn, pipeline_id, name)

    @post(
        "/{name:str}/rewind",
        operation_id="rewindPipeline",
        status_code=200,
        opt=DRY_RUNS,
        summary="Go back to a checkpoint.",
    )
    async def rewind(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        name: FromPath[str],
    ) -> Response[schemas.WentBack]:
        """What ended after it is done again. 409 unless the pipeline is paused or has ended, and the checkpoint holds."""
        _require_name(name)
        body = decode(await request.body() or b"{}", schemas.RewindRequest)
        act = Act(actor_of(request, body.actor), body.reason)

        async def record(conn: Connection) -> schemas.WentBack:
            rewound = await checkpoints.rewind(conn, pipeline_id, name, act, rebuy=body.rebuy)
            if not body.dry_run:
                _log.info("pipeline_rewound", pipeline_id=str(pipeline_id), name=name, actor=act.actor)
            return schemas.WentBack(
                pipeline_id,
                "running",
                **msgspec.structs.asdict(rewound),
                links=schemas.links(pipeline_id),
                dry_run=body.dry_run,
            )

        return await once(request, gateway, record, dry_run=body.dry_run)


def _require_name(name: str) -> None:
    """Raise NotFoundError for what no checkpoint can be called; the record would not even take the question."""
    if not name.isprintable():
        raise NotFoundError(f"there is no checkpoint {name[:60]!r}")
