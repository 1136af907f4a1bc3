"""Fault points: inert unless armed, deadly at the pass they were armed for, and never armed where calls cost money."""

import signal
import subprocess
import sys

import pytest

from shared import config
from shared.errors import ConfigError
from shared.runtime.fault_points import FAULT_POINTS, arm, passing

STAND_IN = "http://127.0.0.1:1/scaleserp"


def test_an_unarmed_process_passes_them_all() -> None:
    """Any number of times; an empty order arms nothing, whatever the address."""
    arm("", "serp", None)
    for point in FAULT_POINTS * 100:
        passing(point)


@pytest.mark.parametrize("point", FAULT_POINTS)
def test_an_armed_process_dies_at_that_pass_of_that_point(point: str) -> None:
    """By SIGKILL, and the last that it wrote is where; other points are passed, and earlier passes of this one."""
    program = (
        "from shared.runtime.fault_points import *\n"
        f"arm('{point}:3', 'serp', '{STAND_IN}')\n"
        "for turn in range(5):\n"
        "    for other in FAULT_POINTS:\n"
        f"        if other != '{point}': passing(other)\n"
        "    print(turn, flush=True)\n"
        f"    passing('{point}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=30
    )
    *turns, last = done.stdout.splitlines()[-4:]
    assert (done.returncode, turns) == (-signal.SIGKILL, ["0", "1", "2"])
    assert "fault_point_reached" in last
    assert point in last


@pytest.mark.parametrize(
    "base_url", [None, "", "https://api.scaleserp.com", "http://proxy.example.com:8080", "http://10.0.0.1"]
)
def test_who_pays_for_calls_cannot_be_armed(base_url: str | None) -> None:
    """The provider's own address, or another machine's: the worker does not start, and says what is wrong."""
    with pytest.raises(ConfigError, match=r"LANDSCAPE_RUNTIME__FAULT_POINT.*PROVIDERS__SERP__BASE_URL"):
        arm("after_claim:1", "serp", base_url)
    passing("after_claim")


@pytest.mark.parametrize(
    "order", ["after_claim", "after_claim:0", "after_claim:x", "elsewhere:1", "1", "true"]
)
def test_a_wrong_order_is_no_setting(order: str) -> None:
    """Refused with the variable's name, before anything starts."""
    with pytest.raises(ConfigError, match="LANDSCAPE_RUNTIME__FAULT_POINT"):
        config.load({"LANDSCAPE_RUNTIME__FAULT_POINT": order})


def test_every_point_may_be_ordered() -> None:
    """The setting and the code know the same names."""
    for point in FAULT_POINTS:
        settings = config.load({"LANDSCAPE_RUNTIME__FAULT_POINT": f"{point}:12"})
        assert settings.runtime.fault_point == f"{point}:12"
