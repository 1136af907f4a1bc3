"""The simulator as a process, and the faults of each of its providers that show in what the vendor says."""

from services.simulator.faults import COMMON, How
from services.simulator.registry import PROVIDERS
from tests.services.conftest import process, sim
from tests.services.test_simulator_process import Simulator

__all__ = ["Simulator", "errors", "process", "sim", "variants"]


def errors(provider: str) -> list[str]:
    """Its faults that are answered with an error of the vendor's own."""
    return _faults(provider, How.ERROR)


def variants(provider: str) -> list[str]:
    """Its faults that are answered with less than was asked for."""
    return _faults(provider, How.VARIANT)


def _faults(provider: str, how: How) -> list[str]:
    (found,) = [one for one in PROVIDERS if one.name == provider]
    return sorted(name for name, fault in {**COMMON, **found.faults}.items() if fault.how is how)
