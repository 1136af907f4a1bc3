"""How much chaos: 20 runs in CI, or a single one to be seen again, and as many waves of deaths as a soak asks for."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.resilience.injuries import DISTURBANCES
from tests.resilience.waves import KILLS_PER_WAVE, waves

#: One of each kind.
RUNS = len(DISTURBANCES)
#: Number of the capability in the kernel.
CAP_SYS_ADMIN = 21


def pytest_addoption(parser: pytest.Parser) -> None:
    """Only known where this folder is named on the command line."""
    parser.addoption("--kills", type=int, default=0, help="Soak: so many deaths.")
    parser.addoption("--loads", type=int, default=20, help="Soak: so many reference loads.")
    parser.addoption("--chaos-seed", type=int, default=None, help="Chaos: this run alone.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A seed is a run, or a wave of deaths."""
    if "seed" in metafunc.fixturenames:
        alone = metafunc.config.getoption("chaos_seed", None)
        metafunc.parametrize("seed", range(RUNS) if alone is None else [alone], ids=name)
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", range(1, metafunc.config.getoption("loads", 0) + 1))
    if "wave" in metafunc.fixturenames:
        kills = metafunc.config.getoption("kills", 0) or KILLS_PER_WAVE
        metafunc.parametrize("wave", waves(kills), ids=str)


def name(seed: int) -> str:
    """As in 3-a_worker_stopped_past_its_lease."""
    return f"{seed}-{DISTURBANCES[seed % RUNS].name.replace(' ', '_')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out, aloud, what fills a disk of its own, where this user may not mount one."""
    without = [item for item in items if item.get_closest_marker("mount")]
    if not without or may_mount():
        return
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=without)
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(
                f"\n{len(without)} tests of a full disk deselected: only root may mount one", file=sys.stderr
            )


def may_mount() -> bool:
    """Whether this process has the capability; root in a container often has not."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(found and int(found[1], 16) >> CAP_SYS_ADMIN & 1)
