"""Every screen with nothing on it, with a pipeline under way, and with one in which everything failed."""

from uuid import UUID

import pytest

from shared.domain.phases import SERVICES
from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.pipelines import finish_pipeline, start_pipeline
from tests.gateway.operator import Operator
from tests.store.given_up import end, fail_all

pytestmark = pytest.mark.anyio

SCREENS = ("", "/pipelines", "/start", "/errors", "/dead-letters", "/breakers", "/queues", "/cost", "/keyboard")


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_without_anything_says_so(operator: Operator, screen: str) -> None:
    """No pipeline, no worker, no call: a whole page all the same."""
    page = await operator.see(f"/ui{screen}")

    assert page.startswith("<!DOCTYPE html>")
    assert "Landscape" in page
