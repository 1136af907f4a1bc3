"""Read, add, change and set back error rules; see beforehand what a change would have meant."""

import asyncio
from typing import Annotated

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.actor import AnyRequest, actor_of
from services.gateway.conditions import etag, require_match
from services.gateway.dependencies import Gateway
from services.gateway.rules import schemas
from services.gateway.rules.dry_run import compare
from services.gateway.security import READS
from services.gateway.service_names import ALIASES
from shared import log
from shared.domain import strict_json
from shared.domain.error_rule import RuleData
from shared.domain.phases import of_service
from shared.errors import ConflictError, InputError, Problem
from shared.store.error_rules import RuleRow, add_rule, edit_rule, find_provider, find_rules, get_rule
from shared.store.pool import Connection
from shared.store.retry_history import find_recorded

_log = log.get(__name__)

Days = Annotated[float, QueryParameter(gt=0, le=366)]


class ErrorRuleController(Controller):
    """/api/v1/error-rules"""

    path = "/error-rules"
    tags = ("error rules",)

    @get(
        "/",
        operation_id="listErrorRules",
        summary="What providers' errors mean, in the order it is looked up.",
    )
    async def list_all(
        self, gateway: NamedDependency[Gateway], provider: FromQuery[str | None] = None
    ) -> schemas.ErrorRules:
        """Of all providers, or of one by its own or its service's name."""
        async with gateway.connection() as conn:
            name = (await _provider(conn, provider, "?provider"))[0] if provider is not None else None
            rows = await find_rules(conn, name)
        return schemas.ErrorRules([schemas.described(row) for row in rows], schemas.general())

    @get("/{rule_id:str}", operation_id="getErrorRule", summary="One rule, with its ETag.")
    async def detail(
        self, gateway: NamedDependency[Gateway], rule_id: FromPath[str]
    ) -> Response[schemas.ErrorRule]:
        """404 when there is none."""
        async with gateway.unit_of_work() as conn:
            return _tagged(await get_rule(conn, rule_id))

    @post("/", operation_id="addErrorRule", summary="Add a rule; workers follow it within 5 seconds.")
    async def add(
        self, request: AnyRequest, gateway: NamedDependency[Gateway]
    ) -> Response[schemas.ErrorRule]:
        """Read before those the provider declares, unless it has an ordinal."""
        rule = schemas.read_rule(await request.body(), schemas.ErrorRuleAddition)
        async with gateway.unit_of_work() as conn:
            provider, service = await _provider(conn, rule.provider, "/provider")
            row = await add_rule(
                conn,
                provider,
                service,
                schemas.values(rule),
                actor=actor_of(request, rule.actor),
                reason=rule.reason,
            )
        return _changed(row)

    @patch("/{rule_id:str}", operation_id="editErrorRule", summary="Change or disable a rule.")
    async def edit(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], rule_id: FromPath[str]
    ) -> Response[schemas.ErrorRule]:
        """What is left out stays as it is. Workers follow within 5 seconds."""
        body = await request.body()
        async with gateway.unit_of_work() as conn:
            row = await get_rule(conn, rule_id)
            require_match(request, etag(row.version))
            rule = schemas.read_change(body, row.data, schemas.ErrorRuleEdit)
            if rule.version not in (None, row.version):
                raise ConflictError(f"the rule was changed meanwhile, by {row.changed_by}: {row.reason}")
            row = await edit_rule(
                conn, rule_id, schemas.values(rule), actor=actor_of(request, rule.actor), reason=rule.reason
            )
        return _changed(row)

    @post(
        "/{rule_id:str}/reset",
        operation_id="resetErrorRule",
        summary="Set a rule back to what its provider declares.",
        status_code=200,
    )
    async def reset(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], rule_id: FromPath[str]
    ) -> Response[schemas.ErrorRule]:
        """409 for a rule that was added: it can be disabled."""
        signed = strict_json.decode(await request.body(), schemas.ErrorRuleReset)
        async with gateway.unit_of_work() as conn:
            row = await get_rule(conn, rule_id)
            require_match(request, etag(row.version))
            if row.declaration is None:
                raise ConflictError("no provider declares this rule, it was added; disable it instead")
            row = await edit_rule(
                conn, rule_id, row.declaration, actor=actor_of(request, signed.actor), reason=signed.reason
            )
        return _changed(row)

    @post(
        "/{rule_id:str}/dry-run",
        operation_id="tryErrorRuleEdit",
        summary="How recorded attempts would be classified with other values of a rule.",
        status_code=200,
        opt=READS,
    )
    async def try_edit(
        self,
        request: AnyRequest,
        gateway: NamedDependency[Gateway],
        rule_id: FromPath[str],
        days: Days = 7.0,
    ) -> schemas.DryRun:
        """Changes nothing."""
        body = await request.body()
        async with gateway.unit_of_work() as conn:
            row = await get_rule(conn, rule_id)
            rule = schemas.read_change(body, row.data, RuleData)
            rows = await find_rules(conn, row.provider)
            recorded = await find_recorded(conn, of_service(row.service).name, days)
        before = [one.data for one in rows]
        after = [rule if one.rule_id == rule_id else one.data for one in rows]
        return await asyncio.to_thread(compare, recorded, before, after, days)

    @post(
        "/dry-run",
        operation_id="tryErrorRule",
        summary="How recorded attempts would be classified with a rule more.",
        status_code=200,
        opt=READS,
    )
    async def try_new(
        self, request: AnyRequest, gateway: NamedDependency[Gateway], days: Days = 7.0
    ) -> schemas.DryRun:
        """Changes nothing."""
        rule = schemas.read_rule(await request.body(), schemas.ErrorRuleDraft)
        async with gateway.connection() as conn:
            provider, service = await _provider(conn, rule.provider, "/provider")
            before = [row.data for row in await find_rules(conn, provider)]
            recorded = await find_recorded(conn, of_service(service).name, days)
        return await asyncio.to_thread(compare, recorded, before, [schemas.values(rule), *before], days)


async def _provider(conn: Connection, name: str, pointer: str) -> tuple[str, str]:
    found = await find_provider(conn, ALIASES.get(name, name))
    if found is None:
        known = tuple(dict.fromkeys(row.provider for row in await find_rules(conn)))
        near = strict_json.nearest(name, known) if known else "none was started yet"
        raise InputError(Problem(pointer, f"{name[:60]!r} is no provider with error rules; {near}"))
    return found


def _changed(row: RuleRow) -> Response[schemas.ErrorRule]:
    _log.info(
        "error_rule_changed",
        rule_id=row.rule_id,
        provider=row.provider,
        category=row.data.category,
        enabled=row.data.enabled,
        actor=row.changed_by,
        reason=row.reason,
    )
    return _tagged(row)


def _tagged(row: RuleRow) -> Response[schemas.ErrorRule]:
    return Response(schemas.described(row), headers={"ETag": etag(row.version)})
