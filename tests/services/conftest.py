"""The simulator as a process of its own, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.services.test_simulator_process import Simulator, simulator


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    """One simulator for the module."""
    with simulator() as running:
        yield running


@pytest.fixture
def sim(process: Simulator) -> Simulator:
    """The simulator in its initial state."""
    process.fresh()
    return process
