"""A process that does operations as a worker's housekeeping does, for test_operations.py to kill."""

import asyncio
import sys

from shared import log
from shared.config import Log
from shared.runtime.operations import Operations
from shared.store.pool import build_pool
from shared.testing.eventually import eventually


async def run(postgres_url: str) -> None:
    """Until killed."""
    pool = build_pool(postgres_url)
    await pool.open()
    operations = Operations(pool)

    async def never() -> bool:
        await operations.round()
        return False

    await eventually(never, 600.0)


if __name__ == "__main__":
    log.configure(Log(level="warning"), service="serp")
    asyncio.run(run(sys.argv[1]))
