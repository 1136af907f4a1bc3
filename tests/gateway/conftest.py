"""A gateway without Redis, and a caller who may do everything."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings

TOKEN = "a-token"


@pytest.fixture
async def client(postgres_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    """It sends the token."""
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        test_client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield test_client
