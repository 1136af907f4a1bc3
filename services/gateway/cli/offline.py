"""Report and audit of a data directory on which nothing runs: the stores alone are started for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from services.gateway.cli import api
from services.gateway.reports.reading import read, render
from services.gateway.reports.wanted import Wanted
from services.gateway.standalone.stores import stores_only
from shared.errors import NotFoundError
from shared.store.audit import audit
from shared.store.migrate import require_schema
from shared.store.pipelines import list_pipelines
from shared.store.pool import Connection, build_pool
from shared.store.waivers import waive

R = TypeVar("R")

#: Who waives a gate without saying who; no API key is asked for here.
_ACTOR: Final = "cli"


class Offline:
    """Reads the database itself; answers as `Api` does."""

    def __init__(self, postgres_url: str) -> None:
        self._url = postgres_url

    def newest(self) -> str:
        """Id of the pipeline started last. Raises NotFoundError when there is none."""
        pipelines = self._run(lambda conn: list_pipelines(conn, 1))
        if not pipelines:
            raise NotFoundError("there is no pipeline yet; `landscape start` starts one")
        return str(pipelines[0].pipeline_id)

    def report(self, pipeline_id: str, wanted: Wanted) -> bytes:
        """The report in the form that is wanted."""

        async def build(conn: Connection) -> bytes:
            return render(await read(conn, _uuid(pipeline_id), wanted.against), wanted)

        return self._run(build)

    def waive(self, pipeline_id: str, gate: str, *, actor: str, reason: str) -> None:
        """Let a gate of the report pass."""

        async def say(conn: Connection) -> None:
            async with conn.transaction():
                await waive(conn, _uuid(pipeline_id), gate, actor=actor or _ACTOR, reason=reason)

        self._run(say)

    def audit(self, pipeline_id: str) -> dict[str, Any]:
        """The audit."""
        found = self._run(lambda conn: audit(conn, _uuid(pipeline_id)))
        return msgspec.to_builtins(found)  # type: ignore[no-any-return]

    def _run(self, read: Callable[[Connection], Awaitable[R]]) -> R:
        async def go() -> R:
            async with build_pool(self._url, size=1) as pool, pool.connection() as conn:
                await require_schema(conn)
                return await read(conn)

        return asyncio.run(go())


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError(f"{text!r} is no pipeline id") from None


@contextmanager
def source(data_dir: Path) -> Iterator["api.Api | Offline"]:
    """What runs on `data_dir`, else the data itself. Raises ConfigError when there is none."""
    if running := api.running(data_dir):
        with running:
            yield running
        return
    with stores_only(data_dir) as urls:
        yield Offline(urls.postgres_url)
