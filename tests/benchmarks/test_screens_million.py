"""Screens of the dashboard with a million items in the record: none takes longer than the report's page may."""

import json
from typing import Final

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from shared.store.pool import Connection
from tests.benchmarks.test_gateway_million import ITEMS, load, p95
from tests.gateway.operator import SCREENS, TOKEN, Operator

pytestmark = [pytest.mark.anyio, pytest.mark.benchmark, pytest.mark.timeout(500)]

MOST_SECONDS: Final = 0.3


async def test_every_screen_is_there_in_time(postgres_url: str, conn: Connection) -> None:
    """One JSON line: the 95th percentile of every screen, in milliseconds of the server."""
    pipeline_id, item_id, letter = await load(conn)
    pipeline = f"/ui/pipelines/{pipeline_id}"
    own = ("", "/failed-items", "/failed-items?category=bug", f"/items/{item_id}", "/results")
    paths = [
        *(f"/ui{screen}" for screen in SCREENS),
        *(f"{pipeline}{screen}" for screen in own),
        f"/ui/dead-letters/{letter}",
        "/ui/breakers/serp",
    ]
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN))
    async with AsyncTestClient(app) as client:
        operator = Operator(client)
        await operator.sign_in()
        taken = await p95(operator.see, paths)
    found = {path.replace(str(pipeline_id), "{id}"): ms for path, ms in taken.items()}
    print(f"\n{json.dumps({'items': ITEMS, 'p95_ms': found})}")
    slow = {name: took for name, took in found.items() if took > MOST_SECONDS * 1000}
    assert not slow, slow
