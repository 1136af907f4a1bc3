"""Why an item, a pipeline or a service does not go on: one sentence, and the same for machines."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from services.gateway.dependencies import Gateway
from services.gateway.security import OF_OPERATIONS, needs
from services.gateway.service_names import QUEUES, phase_named, service_named
from shared import log
from shared.domain.phases import PHASES
from shared.domain.scope import Scope
from shared.domain.standing import Memory, Service
from shared.domain.why import Why
from shared.errors import InputError, Problem
from shared.store.snapshot import snapshot
from shared.store.why import get_service, why_item, why_pipeline, why_service

_log = log.get(__name__)

#: Characters of an item's key; see `shared.domain.phases.LONGEST_KEY`.
KEY_LENGTH: Final = 4_000


class WhyController(Controller):
    """…/why of pipelines, items and services."""

    tags = ("why",)
    opt = needs(reads=Scope.READ_PIPELINES)

    @get(
        "/pipeline/{pipeline_id:uuid}/why",
        operation_id="whyPipeline",
        summary="Why a pipeline does not go on.",
    )
    async def pipeline(self, gateway: NamedDependency[Gateway], pipeline_id: FromPath[UUID]) -> Why:
        """What holds it as a whole; under `also`, phase by phase, what else waits for what."""
        services: dict[str, Service] = {}
        for name in QUEUES:
            services[name], now = await _service(gateway, name)
        async with gateway.connection() as conn, snapshot(conn):
            return await why_pipeline(conn, pipeline_id, services=services, now=now)

    @get(
        "/pipeline/{pipeline_id:uuid}/items/{phase:str}/why",
        operation_id="whyItem",
        summary="Why an item does not go on.",
    )
    async def item(
        self,
        gateway: NamedDependency[Gateway],
        pipeline_id: FromPath[UUID],
        phase: FromPath[str],
        key: Annotated[str, QueryParameter(max_length=KEY_LENGTH)] = "",
    ) -> Why:
        """`key` as dead letters and failed items show it; blanks between the parts of a list do not matter."""
        service, now = await _service(gateway, PHASES[phase_named(phase)].queue)
        async with gateway.connection() as conn, snapshot(conn):
            return await why_item(conn, pipeline_id, phase, tidy(key), service=service, now=now)

    @get(
        "/monitoring/services/{service_name:str}/why",
        operation_id="whyService",
        opt=OF_OPERATIONS,
        summary="Why a service starts no calls.",
    )
    async def service(self, gateway: NamedDependency[Gateway], service_name: FromPath[str]) -> Why:
        """Of its provider, its queue and its workers; 404 for an unknown one."""
        service, now = await _service(gateway, service_named(service_name))
        async with gateway.connection() as conn, snapshot(conn):
            return await why_service(conn, service, now)


def tidy(key: str) -> str:
    """A key that is a list, as it is written down. Raises InputError for what no key can hold."""
    if not key:
        raise InputError(
            Problem("?key", "is missing: name the item's key, as dead letters and failed items show it")
        )
    if "\0" in key:
        raise InputError(Problem("?key", "holds a NUL character, and no key does"))
    if not key.startswith("["):
        return key
    try:
        return msgspec.json.encode(msgspec.json.decode(key, type=list[str])).decode()
    except msgspec.DecodeError:  # a domain, a video or an address may begin like that, too
        return key


async def _service(gateway: Gateway, name: str) -> tuple[Service, datetime]:
    async with gateway.connection() as conn:
        known = await get_service(conn, name)
    memory = Memory()
    if gateway.remember and known.provider:
        try:
            memory = await gateway.remember(known.provider)
        except OSError as error:  # the record is a second behind, and says nothing of holds
            _log.warning("gate_not_remembered", service=name, error=str(error))
    return known.with_memory(memory), known.now
