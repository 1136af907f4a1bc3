"""What takes an hour or more: deaths at the default lease, and a thousand of them in pipelines without a pause."""

from collections.abc import Iterator
from statistics import median

import pytest

from shared.config import Runtime
from tests.resilience.fragile import ENVIRONMENT, Fragile
from tests.resilience.injuries import DISTURBANCES
from tests.resilience.recovery import recoveries
from tests.resilience.test_chaos import GRACE_SECONDS
from tests.resilience.waves import KILLS_PER_WAVE, Wave, carry_out

pytestmark = [pytest.mark.soak]

#: Deaths at the default lease, unless fewer kills are asked for altogether.
KILLS_AT_DEFAULT_LEASE = 50
#: Nothing is given up because it was in the way too often.
PATIENT = {"LANDSCAPE_RUNTIME__CRASH_LIMIT": "1000"}


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Fragile]:
    """With the settings a test names on top."""
    environment = {**ENVIRONMENT, **PATIENT, **getattr(request, "param", {})}
    with Fragile(tmp_path_factory.mktemp("soak"), environment) as system:
        yield system


@pytest.fixture
def kills(pytestconfig: pytest.Config) -> int:
    """As asked for."""
    asked: int = pytestconfig.getoption("kills") or KILLS_AT_DEFAULT_LEASE
    return min(asked, KILLS_AT_DEFAULT_LEASE)


DEFAULT_LEASE = Runtime().lease_seconds


@pytest.mark.parametrize(
    "system",
    [{"LANDSCAPE_RUNTIME__LEASE_SECONDS": f"{DEFAULT_LEASE:g}"}],
    ids=["default lease"],
    indirect=True,
)
def test_items_run_again_elsewhere_within_the_default_lease_and_5_seconds(
    system: Fragile, kills: int
) -> None:
    """Every one of them, by the database's clock."""
    seconds = sorted(recoveries(system, kills, 500))
    print(f"worked on again after {seconds[0]:.1f} to {seconds[-1]:.1f} s, median {median(seconds):.1f} s")
    assert [late for late in seconds if late > DEFAULT_LEASE + GRACE_SECONDS] == []
    assert len(seconds) == kills


@pytest.mark.parametrize("system", [{}], ids=["short leases"], indirect=True)
def test_pipelines_outlive_whatever_dies_all_the_time(system: Fragile, wave: Wave) -> None:
    """One death after the other, without a pause to recover in; every account is held, nothing is left out."""
    try:
        done = carry_out(system, wave)
    except BaseException as error:
        kills = wave.seed * KILLS_PER_WAVE + wave.kills
        error.add_note(f"wave {wave}\nreplay: ./landscape test --soak --kills {kills} -- -k '[{wave}'")
        raise
    print(f"wave {wave}: {dict(sorted(done.items()))}")
    assert sum(done[kind.name] for kind in DISTURBANCES if kind.kills) == wave.kills
