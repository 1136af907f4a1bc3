"""Keep templates, start them, try them out."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from services.gateway.actor import AnyRequest, actor_of, asked_reason
from services.gateway.conditions import etag, require_match
from services.gateway.dependencies import Gateway
from services.gateway.idempotency import once
from services.gateway.pipelines.beginning import begin, read
from services.gateway.pipelines.schemas import Started
from services.gateway.security import needs
from services.gateway.templates import schemas
from services.gateway.templates.content import content_of, start_of
from shared import log
from shared.domain.scope import Scope
from shared.domain.start import parse
from shared.domain.strict_json import decode
from shared.domain.takeover import as_request
from shared.domain.tryout import try_out
from shared.errors import InputError, NotFoundError, Problem
from shared.store import templates
from shared.store.control import Act
from shared.store.pipelines import get_pipeline
from shared.store.pool import Connection
from shared.store.templates import Template

_log = log.get(__name__)


class TemplateController(Controller):
    """/api/v1/templates"""

    path = "/templates"
    tags = ("templates",)
    opt = needs(reads=Scope.READ_PIPELINES, writes=Scope.WRITE_PIPELINES)

    @post("/", operation_id="createTemplate", summary="Keep the body of a start, under a name.")
    async def create(
        self, request: AnyRequest, gateway: NamedDependency[Gateway]
    ) -> Response[schemas.SavedTemplate]:
        """Given, or as a pipeline was started. 409 when there is a template of this name."""
        body = await request.body()
        wanted = await asyncio.to_thread(decode, body, schemas.TemplateRequest)
        if (wanted.start is None) == (wanted.pipeline_id is None):
            raise InputError(Problem("/start", "give either `start` or `pipeline_id`"))
        actor = actor_of(request, wanted.actor)
        start = start_of(body) if wanted.start else await _started_as(gateway, UUID(wanted.pipeline_id))
        content, frozen = await content_of(gateway, wanted.name, start)

        async def record(conn: Connection) -> schemas.SavedTemplate:
            saved = await templates.create_template(conn, content, actor)
            _log.info("template_created", template_id=str(saved.template_id), actor=actor)
            return _saved(saved, frozen.warnings)

        return await once(
            request,
            gateway,
            record,
            status=201,
            location=lambda saved: f"/api/v1/templates/{saved.template_id}",
        )

    @get("/", operation_id="listTemplates", summary="Templates by name.")
    async def list_all(self, gateway: NamedDependency[Gateway]) -> schemas.TemplatePage:
        """Without what they hold."""
        async with gateway.connection() as conn:
            return schemas.TemplatePage(await templates.list_templates(conn))

    @get("/{template_id:uuid}", operation_id="getTemplate", summary="One template with what it holds.")
    async def detail(
        self, gateway: NamedDependency[Gateway], template_id: FromPath[UUID]
    ) -> Response[schemas.TemplateDetail]:
        """404 when there is none."""
        async with gateway.unit_of_work() as conn:
            template = await templates.get_template(conn, template_id)
            body, _ = await templates.get_body(conn, template_id)
        start: dict[str, Any] = await asyncio.to_thread(msgspec.json.decode, body)
        return _tagged(schemas.TemplateDetail(**msgspec.structs.asdict(template), start=start))

    @patch("/{template_id:uuid}", operation_id="editTemplate", summary="Change its name or what it holds.")
    async def edit(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], template_id: FromPath[UUID]
    ) -> Response[schemas.SavedTemplate]:
        """Pipelines that it has started stay as they are; schedules start the new version from now on."""
        body = await request.body()
        wanted = await asyncio.to_thread(decode, body, schemas.TemplatePatch)
        actor = actor_of(request, wanted.actor)
        async with gateway.connection() as conn:
            name = wanted.name or (await templates.get_template(conn, template_id)).name
        content: templates.Content | str = " ".join(name.split())
        warnings: list[str] = []
        if wanted.start:
            content, frozen = await content_of(gateway, name, start_of(body))
            warnings = frozen.warnings
        async with gateway.unit_of_work() as conn:
            version = await templates.lock_template(conn, template_id)
            require_match(request, etag(template_id, version))
            if (
                isinstance(content, templates.Content) and not wanted.name
            ):  # it may have been renamed meanwhile
                present = await templates.get_template(conn, template_id)
                content = msgspec.structs.replace(content, name=present.name)
            edited = await templates.edit_template(conn, template_id, content, actor)
        _log.info("template_edited", template_id=str(template_id), version=edited.version, actor=actor)
        return _tagged(_saved(edited, warnings))

    @delete("/{template_id:uuid}", operation_id="deleteTemplate", summary="Forget a template.")
    async def remove(
        self, gateway: NamedDependency[Gateway], template_id: FromPath[UUID], reason: FromQuery[str] = ""
    ) -> None:
        """Pipelines that it has started stay. 409 while schedules start it. The reason stays in the audit log."""
        asked_reason(reason)
        async with gateway.unit_of_work() as conn:
            await templates.delete_template(conn, template_id)
        _log.info("template_deleted", template_id=str(template_id))

    @post("/{template_id:uuid}/start", operation_id="startTemplate", summary="Start a pipeline by it.")
    async def start(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], template_id: FromPath[UUID]
    ) -> Response[Started]:
        """As POST /api/v1/pipeline/start with what it holds."""
        return await _start(request, gateway, template_id, whole=True)

    @post("/{template_id:uuid}/try", operation_id="tryTemplate", summary="Start a pipeline of ten of its keywords.")  # fmt: skip
    async def try_(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], template_id: FromPath[UUID]
    ) -> Response[Started]:
        """Taken in turn from every group. It buys as any pipeline does, and what it bought is not bought again."""
        return await _start(request, gateway, template_id, whole=False)


async def _started_as(gateway: Gateway, pipeline_id: UUID) -> bytes:
    async with gateway.connection() as conn:
        try:
            pipeline = await get_pipeline(conn, pipeline_id)
        except NotFoundError as error:
            raise InputError(Problem("/pipeline_id", str(error))) from None
    return await asyncio.to_thread(lambda: msgspec.json.encode(as_request(pipeline.config)))


async def _start(
    request: AnyRequest, gateway: Gateway, template_id: UUID, *, whole: bool
) -> Response[Started]:
    signed = decode(await request.body() or b"{}", schemas.SignRequest)
    act = Act(actor_of(request, signed.actor), signed.reason)

    async def record(conn: Connection) -> Started:
        body, version = await templates.get_body(conn, template_id)
        if not whole:
            body = await asyncio.to_thread(lambda: msgspec.json.encode(try_out(parse(body))))
        started = await begin(conn, gateway, await read(gateway, body), act=act)
        _log.info(
            "template_started" if whole else "template_tried",
            template_id=str(template_id),
            version=version,
            pipeline_id=str(started.pipeline_id),
            actor=act.actor,
        )
        return started

    return await once(request, gateway, record, status=201, location=lambda started: started.links.itself)


def _saved(template: Template, warnings: list[str]) -> schemas.SavedTemplate:
    return schemas.SavedTemplate(**msgspec.structs.asdict(template), warnings=warnings)


def _tagged(template: Any) -> Response[Any]:
    return Response(template, headers={"ETag": etag(template.template_id, template.version)})
