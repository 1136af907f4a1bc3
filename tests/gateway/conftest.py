"""A gateway without Redis, and a caller who may do everything; LibreOffice where it is installed."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from tests.gateway.operator import TOKEN, Operator

#: Comes with Debian's package `libreoffice-calc`.
OFFICE: Final = "soffice"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out, aloud, what needs LibreOffice where it is not installed."""
    if shutil.which(OFFICE):
        return
    without = [item for item in items if OFFICE in {str(m.args[0]) for m in item.iter_markers("needs")}]
    if not without:
        return
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=without)
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(
                f"\n{len(without)} gateway tests deselected: {OFFICE} is not installed here", file=sys.stderr
            )


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
