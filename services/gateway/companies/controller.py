"""What people say about domains; it wins over every match, in every report from now on."""

from typing import Annotated

import msgspec
from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from services.gateway.actor import Actor, AnyRequest, GivenReason, actor_of, asked_reason
from services.gateway.dependencies import Gateway
from services.gateway.security import needs
from shared import log
from shared.domain import keys
from shared.domain.report_rows import Override
from shared.domain.scope import Scope
from shared.domain.start import Name
from shared.domain.strict_json import decode
from shared.errors import InputError, Problem
from shared.store.identity import drop_override, list_overrides, override_company

_log = log.get(__name__)


class OverrideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose a domain is."""

    name: Name
    reason: GivenReason
    platform: bool = False
    """Whether its content is not its own: it then takes its share and has no rank."""
    actor: Annotated[
        Actor, Meta(description="Who says so; by default the header X-Actor, else the API key.")
    ] = ""


class OverridePage(msgspec.Struct, frozen=True):
    """All that people say."""

    items: list[Override]


class CompanyController(Controller):
    """/api/v1/companies"""

    path = "/companies"
    tags = ("reports",)
    # They change every report there is, and not one pipeline's.
    opt = needs(reads=Scope.READ_REPORTS, writes=Scope.WRITE_SETTINGS)

    @get("", operation_id="listOverrides", summary="Domains somebody says whose they are.")
    async def overrides(self, gateway: NamedDependency[Gateway]) -> OverridePage:
        """By domain."""
        async with gateway.connection() as conn:
            return OverridePage(await list_overrides(conn))

    @put("/{domain:str}", operation_id="overrideCompany", summary="Say whose a domain is.")
    async def override(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], domain: FromPath[str]
    ) -> OverridePage:
        """A host counts for its registrable domain. Who is named at a pipeline's start keeps that name there."""
        body = decode(await request.body() or b"{}", OverrideRequest)
        said = Override(
            _registrable(domain), body.name, body.platform, actor_of(request, body.actor), body.reason
        )
        async with gateway.unit_of_work() as conn:
            await override_company(conn, said)
            found = await list_overrides(conn)
        _log.info("company_overridden", domain=said.domain, actor=said.actor)
        return OverridePage(found)

    @delete("/{domain:str}", operation_id="dropOverride", summary="Let a domain go by its match again.")
    async def drop(
        self, gateway: NamedDependency[Gateway], domain: FromPath[str], reason: FromQuery[str] = ""
    ) -> None:
        """404 when nobody said anything of it. The reason stays in the audit log."""
        asked_reason(reason)
        async with gateway.unit_of_work() as conn:
            await drop_override(conn, _registrable(domain))


def _registrable(domain: str) -> str:
    try:
        return keys.registrable_domain(domain)
    except ValueError as error:
        raise InputError(Problem("?domain", str(error))) from None
