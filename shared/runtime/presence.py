"""The sign of life a worker process gives: a row that says what it is, renewed while its loop runs."""

import asyncio
import importlib.metadata

from shared import log
from shared.store.planning import Profile, save_profile
from shared.store.pool import Passing, Pool
from shared.store.workers import BEAT_SECONDS, Presence, delete_worker, save_worker

_log = log.get(__name__)


async def keep_present(pool: Pool, presence: Presence, profile: Profile) -> None:
    """Until cancelled; then the row goes. What it knows of its provider stays. While the store is away it is said later."""
    declared = False
    try:
        while True:
            try:
                async with pool.connection() as conn:
                    await save_worker(conn, presence)
                    if not declared:
                        await save_profile(conn, profile)
                        declared = True
            except Passing as error:
                _log.warning("presence_not_recorded", error=str(error))
            await asyncio.sleep(BEAT_SECONDS)
    finally:
        await asyncio.wait_for(asyncio.shield(_leave(pool, presence)), BEAT_SECONDS)


async def _leave(pool: Pool, presence: Presence) -> None:
    try:
        async with pool.connection() as conn:
            await delete_worker(conn, presence.holder)
    except Passing as error:  # it is forgotten later
        _log.warning("presence_not_recorded", error=str(error))


def code_version() -> str:
    """Of the code that runs here; `unknown` from a checkout that is not installed."""
    for name in ("landscape-shared", "landscape"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
