"""What a soak plans: as many deaths as are asked for, enough of them at each fault point, and the same ones again."""

from collections import Counter

import pytest

from tests.resilience.injuries import DISTURBANCES
from tests.resilience.waves import Wave, waves


@pytest.mark.parametrize("kills", [1, 39, 40, 41, 1000])
def test_so_many_die(kills: int) -> None:
    """No more and no fewer, whatever kills nobody comes in between."""
    planned = [kind for wave in waves(kills) for kind in wave.disturbances()]
    assert sum(kind.kills for kind in planned) == kills


def test_a_thousand_deaths_are_everywhere() -> None:
    """Fifty at each fault point at the least, and some of every kind that kills."""
    planned = Counter(kind for wave in waves(1000) for kind in wave.disturbances())
    assert planned.keys() >= {kind for kind in DISTURBANCES if kind.kills}
    assert all(times >= 50 for kind, times in planned.items() if kind.fault_point)


def test_a_seed_plans_the_same_again() -> None:
    """So that what failed can be seen again."""
    assert Wave(7, 40).disturbances() == Wave(7, 40).disturbances() != Wave(8, 40).disturbances()
