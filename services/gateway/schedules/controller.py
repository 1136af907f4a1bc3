"""Keep schedules, pause them, have them run now, see what came of them."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.actor import AnyRequest, actor_of, asked_reason
from services.gateway.conditions import etag, require_match
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.pipelines.beginning import read
from services.gateway.pipelines.schemas import Started
from services.gateway.schedules import schemas
from services.gateway.schedules.firing import settle, start_or_not
from services.gateway.security import needs
from services.gateway.templates.schemas import SignRequest
from shared import log
from shared.domain.schedule import CRON_LENGTH, check_cron, check_time_zone
from shared.domain.scope import Scope
from shared.domain.strict_json import decode
from shared.errors import ConflictError, InputError, NotFoundError, Problem
from shared.store import schedules
from shared.store.control import Act
from shared.store.pool import Connection
from shared.store.schedules import NEWEST, Ending, Rule, Schedule
from shared.store.templates import get_body, get_template

_log = log.get(__name__)

#: Fires in one answer.
LIMIT: Final = 200


class ScheduleController(Controller):
    """/api/v1/schedules"""

    path = "/schedules"
    tags = ("schedules",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @post("/", operation_id="createSchedule", summary="Have a template started by the clock from now on.")
    async def create(
        self, request: AnyRequest, gateway: NamedDependency[Gateway]
    ) -> Response[schemas.ScheduleDetail]:
        """What was missed while no gateway ran is fired once, late."""
        wanted = decode(await request.body(), schemas.ScheduleRequest)
        actor = actor_of(request, wanted.actor)

        async def record(conn: Connection) -> schemas.ScheduleDetail:
            name = await _template_name(conn, wanted.template_id)
            rule = Rule(
                UUID(wanted.template_id), wanted.name or name, wanted.cron, wanted.time_zone, wanted.overlap
            )
            made = await schedules.create_schedule(conn, rule, actor)
            _log.info("schedule_created", schedule_id=str(made.schedule_id), cron=made.cron, actor=actor)
            return schemas.detail(made)

        return await once(
            request,
            gateway,
            record,
            status=201,
            location=lambda made: f"/api/v1/schedules/{made.schedule_id}",
        )

    @get("/", operation_id="listSchedules", summary="Schedules by their next fire.")
    async def list_all(
        self, gateway: NamedDependency[Gateway], template_id: FromQuery[UUID | None] = None
    ) -> schemas.SchedulePage:
        """Of one template, if it is given. With the next five fires in words, and what came of the latest."""
        async with gateway.connection() as conn:
            found = await schedules.list_schedules(conn, template_id)
        return schemas.SchedulePage(await asyncio.to_thread(lambda: [schemas.detail(one) for one in found]))

    @get("/next", operation_id="previewSchedule", summary="What a cron expression means.")
    async def preview(
        self,
        *,
        cron: Annotated[str, QueryParameter(max_length=CRON_LENGTH)],
        time_zone: Annotated[str, QueryParameter(max_length=CRON_LENGTH)] = "UTC",
    ) -> schemas.Preview:
        """In words, with the next five fires. Nothing is kept."""
        for name, value, check in (("cron", cron, check_cron), ("time_zone", time_zone, check_time_zone)):
            try:
                check(value)
            except ValueError as error:
                raise InputError(Problem(f"?{name}", str(error))) from None
        return schemas.preview(cron, time_zone, datetime.now(UTC))

    @get("/{schedule_id:uuid}", operation_id="getSchedule", summary="One schedule.")
    async def show(
        self, gateway: NamedDependency[Gateway], schedule_id: FromPath[UUID]
    ) -> Response[schemas.ScheduleAlone]:
        """With the pipelines of it that are under way. 404 when there is none."""
        async with gateway.connection() as conn:
            found = await schedules.get_schedule(conn, schedule_id)
            under_way = await schedules.find_under_way(conn, schedule_id)
        shown = msgspec.structs.asdict(schemas.detail(found)) | {"under_way": under_way}
        return Response(schemas.ScheduleAlone(**shown), headers={"ETag": _etag(found)})

    @patch("/{schedule_id:uuid}", operation_id="editSchedule", summary="Change when it fires, and what.")
    async def edit(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], schedule_id: FromPath[UUID]
    ) -> Response[schemas.ScheduleDetail]:
        """What is left out stays as it is. It goes by the new rule from now on."""
        wanted = decode(await request.body(), schemas.SchedulePatch)
        actor = actor_of(request, wanted.actor)
        async with gateway.unit_of_work() as conn:
            await schedules.lock_schedule(conn, schedule_id)
            present = await schedules.get_schedule(conn, schedule_id)
            require_match(request, _etag(present))
            if wanted.template_id:
                await _template_name(conn, wanted.template_id)
            rule = Rule(
                UUID(wanted.template_id) if wanted.template_id else present.template_id,
                wanted.name or present.name,
                wanted.cron or present.cron,
                wanted.time_zone or present.time_zone,
                wanted.overlap or present.overlap,
            )
            edited = await schedules.edit_schedule(conn, schedule_id, rule, actor)
        _log.info("schedule_edited", schedule_id=str(schedule_id), cron=edited.cron, actor=actor)
        return _tagged(edited)

    @delete("/{schedule_id:uuid}", operation_id="deleteSchedule", summary="Forget a schedule, and its fires.")
    async def remove(
        self, gateway: NamedDependency[Gateway], schedule_id: FromPath[UUID], reason: FromQuery[str] = ""
    ) -> None:
        """Pipelines that it has started stay. The reason stays in the audit log."""
        asked_reason(reason)
        async with gateway.unit_of_work() as conn:
            await schedules.delete_schedule(conn, schedule_id)
        _log.info("schedule_deleted", schedule_id=str(schedule_id))

    @post("/{schedule_id:uuid}/pause", operation_id="pauseSchedule", status_code=200, summary="Let it not fire for now.")  # fmt: skip
    async def pause(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], schedule_id: FromPath[UUID]
    ) -> Response[schemas.ScheduleDetail]:
        """Pipelines that it has started go on. 409 when it is paused already."""
        signed = decode(await request.body(), schemas.PauseSchedule)
        act = Act(actor_of(request, signed.actor), signed.reason)
        async with gateway.unit_of_work() as conn:
            paused = await schedules.pause_schedule(conn, schedule_id, act)
        _log.info("schedule_paused", schedule_id=str(schedule_id), actor=act.actor)
        return _tagged(paused)

    @post("/{schedule_id:uuid}/unpause", operation_id="unpauseSchedule", status_code=200, summary="Let it fire again.")  # fmt: skip
    async def unpause(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], schedule_id: FromPath[UUID]
    ) -> Response[schemas.ScheduleDetail]:
        """From its next moment on; what it missed meanwhile is not made up for. 409 unless it is paused."""
        signed = decode(await request.body() or b"{}", SignRequest)
        actor = actor_of(request, signed.actor)
        async with gateway.unit_of_work() as conn:
            unpaused = await schedules.unpause_schedule(conn, schedule_id)
        _log.info("schedule_unpaused", schedule_id=str(schedule_id), actor=actor)
        return _tagged(unpaused)

    @post("/{schedule_id:uuid}/run-now", operation_id="runSchedule", summary="Start its template now, beside its moments.")  # fmt: skip
    async def run_now(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], schedule_id: FromPath[UUID]
    ) -> Response[Started]:
        """By its overlap policy: 409 when that is `skip` and a pipeline of it is under way. Also while it is paused."""
        signed = decode(await request.body() or b"{}", SignRequest)
        act = Act(actor_of(request, signed.actor), signed.reason)
        ran: list[Ending] = []

        async def record(conn: Connection) -> Started:
            await schedules.lock_schedule(conn, schedule_id)
            schedule = await schedules.get_schedule(conn, schedule_id)
            body, version = await get_body(conn, schedule.template_id)
            frozen = await read(gateway, body)
            ending, started = await start_or_not(
                conn, gateway, schedule_id, schedule.overlap, frozen, act=act
            )
            if started is None:
                raise ConflictError(f"{ending.reason}; wait for it, cancel it, or start the template itself")
            await schedules.record_fire(
                conn, schedule_id, None, ending, actor=act.actor, template_version=version
            )
            ran.append(ending)
            return started

        answer = await once(
            request, gateway, record, status=201, location=lambda started: started.links.itself
        )
        for ending in ran:
            _log.info("schedule_run", schedule_id=str(schedule_id), actor=act.actor)
            await settle(gateway, ending)
        return answer

    @get("/{schedule_id:uuid}/fires", operation_id="listFires", summary="What came of its fires, the newest first.")  # fmt: skip
    async def fires(
        self,
        *,
        gateway: NamedDependency[Gateway],
        schedule_id: FromPath[UUID],
        cursor: Annotated[int | None, QueryParameter(ge=1, le=NEWEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
    ) -> schemas.FirePage:
        """Also those that were skipped or refused, with the reason. They are kept for a year."""
        async with gateway.connection() as conn:
            items = await schedules.list_fires(conn, schedule_id, before=cursor or NEWEST, limit=limit)
        return schemas.FirePage(items, items[-1].fire_id if len(items) == limit else None)


async def _template_name(conn: Connection, template_id: str) -> str:
    try:
        return (await get_template(conn, UUID(template_id))).name
    except NotFoundError as error:
        raise InputError(Problem("/template_id", str(error))) from None


def _etag(schedule: Schedule) -> str:
    return etag(schedule.schedule_id, schedule.version)


def _tagged(schedule: Schedule) -> Response[Any]:
    return Response(schemas.detail(schedule), headers={"ETag": _etag(schedule)})
