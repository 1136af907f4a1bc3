"""A gateway without Redis, and a caller who may do everything."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from tests.gateway.operator import TOKEN, Operator


@pytest.fixture
async def client(postgres_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    """It sends the token."""
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        test_client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield test_client


@pytest.fixture
async def operator(postgres_url: str) -> AsyncIterator[Operator]:
    """Somebody signed in to the dashboard as ada; no token beside the session's cookie."""
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as test_client:
        operator = Operator(test_client)
        assert (await operator.sign_in()).status_code == 303
        yield operator
