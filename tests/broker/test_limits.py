"""Eight processes against a provider of 50 calls a second and 10 at once; the same for a minute is a benchmark."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.broker.conftest import VALKEY
from tests.broker.limits import measure
from tests.services.test_simulator_process import Simulator, simulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[Simulator]:
    with simulator() as running:
        yield running


@pytest.mark.alone
async def test_no_limit_is_exceeded_whatever_happens_meanwhile(
    private_servers: Callable[[str], Any], provider: Simulator
) -> None:
    """Redis forgets everything and a process dies: by its clock, and at the provider, no second has too many calls."""
    (await measure(private_servers(VALKEY), provider, seconds=9.0)).hold()


@pytest.mark.benchmark
@pytest.mark.timeout(180)
async def test_no_limit_is_exceeded_within_a_minute(
    private_servers: Callable[[str], Any], provider: Simulator
) -> None:
    """One line: what was granted, and what arrived, in the busiest second."""
    measured = await measure(private_servers(VALKEY), provider, seconds=60.0)
    print(f"\n{measured} {measured.share:.3f} of the rate")
    measured.hold()
