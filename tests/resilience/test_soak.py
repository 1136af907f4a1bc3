"""What takes hours: deaths at the default lease, and a long pipeline in which something dies all the time."""

import random
from collections.abc import Iterator

import pytest

from shared.config import Runtime
from tests.resilience.accounts import Books, assert_accounts
from tests.resilience.fragile import ENVIRONMENT, Fragile
from tests.resilience.injuries import DISTURBANCES
from tests.resilience.recovery import recoveries
from tests.resilience.run import Run
from tests.resilience.scenario import ENDED
from tests.resilience.test_chaos import GRACE_SECONDS

pytestmark = [pytest.mark.soak]

#: Deaths at the default lease, unless fewer kills are asked for altogether.
KILLS_AT_DEFAULT_LEASE = 50
#: Searches of a run that is long enough for one death: about four seconds of work, shared by two workers.
SEARCHES_PER_KILL = 60
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
    seconds = list(recoveries(system, kills, 500))
    assert [late for late in seconds if late > DEFAULT_LEASE + GRACE_SECONDS] == []
    assert len(seconds) == kills


def test_a_long_pipeline_outlives_whatever_dies_all_the_time(system: Fragile, kills: int) -> None:
    """One disturbance after the other, without a pause to recover in, until it ends."""
    chance = random.Random(kills)
    before = Books.of(system)
    kinds = [kind for kind in DISTURBANCES if not kind.fault_point]
    with Run(system, "long", searches=SEARCHES_PER_KILL * kills) as run:
        run.patience_seconds = 60.0 * kills
        strikes = 0
        while strikes < kills and run.wait(lambda _: True)["state"] not in ENDED:
            chance.choice(kinds).strike(system, chance)
            strikes += 1
        assert strikes == kills, "the pipeline is too short for so many deaths"
        run.assert_completed_and_green()
        assert_accounts(system, run.pipeline_id, run.searches, before)
