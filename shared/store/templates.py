"""Templates on record: bodies of a start, by name."""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
import psycopg
from uuid_utils.compat import uuid7

from shared.domain.pipeline import PipelineConfig
from shared.errors import ConflictError, NotFoundError
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("templates")

#: Templates there may be, and all there are in one answer.
MOST: Final = 500


class Template(msgspec.Struct, frozen=True):
    """A row of templates, without its body."""

    template_id: UUID
    name: str
    company: str
    """Whose landscape it is; empty without one."""
    keywords: int
    """Different ones."""
    regions: list[str]
    searches: int
    schedules: int
    """That start it by themselves."""
    version: int
    """One more with every edit."""
    created_at: datetime
    changed_at: datetime
    changed_by: str


class Content(msgspec.Struct, frozen=True):
    """What a template is to hold."""

    name: str
    body: bytes
    """Of a start, as it was given."""
    config: PipelineConfig
    """What it would become now; for what lists tell."""


async def create_template(conn: Connection, content: Content, actor: str) -> Template:
    """Raises ConflictError when there is one of this name, or too many."""
    if len(await list_templates(conn)) >= MOST:
        raise ConflictError(f"there are {MOST} templates already; delete one that nobody needs")
    template_id = uuid7()
    cursor = await conn.execute(_SQL["insert_template"], _parameters(template_id, content, actor))
    if await cursor.fetchone() is None:
        raise _namesake(content.name)
    return await get_template(conn, template_id)


async def list_templates(conn: Connection) -> list[Template]:
    """By name."""
    return await _list(conn, None)


async def get_template(conn: Connection, template_id: UUID) -> Template:
    """Raises NotFoundError."""
    for template in await _list(conn, template_id):
        return template
    raise _unknown(template_id)


async def get_body(conn: Connection, template_id: UUID) -> tuple[bytes, int]:
    """The body of a start, and the version that this is. Raises NotFoundError."""
    cursor = await conn.execute(_SQL["get_template_body"], {"template_id": template_id})
    row = cast("tuple[str, int] | None", await cursor.fetchone())
    if row is None:
        raise _unknown(template_id)
    return row[0].encode(), row[1]


async def lock_template(conn: Connection, template_id: UUID) -> int:
    """Nobody else edits it until the end of this transaction; its version. Raises NotFoundError."""
    return await _version(conn, "lock_template", template_id)


async def keep_template(conn: Connection, template_id: UUID) -> int:
    """Nobody edits or deletes it until the end of this transaction; its version. Raises NotFoundError."""
    return await _version(conn, "keep_template", template_id)


async def edit_template(conn: Connection, template_id: UUID, content: Content | str, actor: str) -> Template:
    """Another content, or another name alone. One transaction, the caller's, who has locked it. Raises ConflictError."""
    name = content if isinstance(content, str) else content.name
    cursor = await conn.execute(_SQL["find_namesake"], {"name": name, "template_id": template_id})
    if await cursor.fetchone():
        raise _namesake(name)
    try:
        if isinstance(content, str):
            parameters = {"template_id": template_id, "name": name, "actor": actor}
            await conn.execute(_SQL["rename_template"], parameters)
        else:
            await conn.execute(_SQL["replace_template"], _parameters(template_id, content, actor))
    except psycopg.errors.UniqueViolation:  # somebody took the name at the same moment
        raise _namesake(name) from None
    return await get_template(conn, template_id)


async def delete_template(conn: Connection, template_id: UUID) -> None:
    """Pipelines that it has started stay. Raises NotFoundError, and ConflictError while schedules start it."""
    await lock_template(conn, template_id)
    cursor = await conn.execute(_SQL["delete_template"], {"template_id": template_id})
    if await cursor.fetchone() is None:
        raise ConflictError("schedules start this template; delete them first, or have them start another")


def _parameters(template_id: UUID, content: Content, actor: str) -> dict[str, Any]:
    config = content.config
    return {
        "template_id": template_id,
        "name": content.name,
        "body": content.body.decode(),
        "company": config.company.name if config.company else "",
        "keywords": len(config.keywords),
        "regions": list(config.regions),
        "searches": config.searches,
        "actor": actor,
    }


async def _version(conn: Connection, query: str, template_id: UUID) -> int:
    cursor = await conn.execute(_SQL[query], {"template_id": template_id})
    row = cast("tuple[int] | None", await cursor.fetchone())
    if row is None:
        raise _unknown(template_id)
    return row[0]


async def _list(conn: Connection, template_id: UUID | None) -> list[Template]:
    cursor = await conn.execute(_SQL["list_templates"], {"template_id": template_id, "limit": MOST})
    return [Template(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


def _unknown(template_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no template {template_id}")


def _namesake(name: str) -> ConflictError:
    return ConflictError(f"there is a template called {name} already; edit that one, or choose another name")
