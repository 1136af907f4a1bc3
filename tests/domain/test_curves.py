"""Click-through curves: distributions of a search's clicks, never more than all of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.curves import CURVES, DEFAULT, Curve, curve


@pytest.mark.parametrize(
    ("curve_id", "first", "tenth", "listed"),
    [
        ("sistrix-2020", 0.285, 0.025, 0.88),
        ("backlinko", 0.276, 0.024, 0.863),
        ("firstpagesage-2025", 0.398, 0.016, 0.94),
        ("legacy", 0.2823, 0.0214, 0.8427),
    ],
)
def test_built_in_curves_have_their_published_shares(
    curve_id: str, first: float, tenth: float, listed: float
) -> None:
    """First place, tenth place and the sum of the ten, as published."""
    found = curve(curve_id)

    assert (found.ctr(1), found.ctr(10)) == (first, tenth)
    assert math.fsum(found.shares) == pytest.approx(listed, abs=1e-9)


def test_the_four_accepted_curves_are_built_in() -> None:
    """A curve that hands out more clicks than there are, serpvoyager, is not among them."""
    assert set(CURVES) == {"sistrix-2020", "backlinko", "firstpagesage-2025", "legacy"}
    assert DEFAULT == "sistrix-2020"


@pytest.mark.parametrize("found", CURVES.values(), ids=CURVES)
def test_no_search_hands_out_more_than_all_its_clicks(found: Curve) -> None:
    """All positions together get at most 1, and a better place never gets less."""
    clicks = [found.ctr(position) for position in range(1, 101)]

    assert math.fsum(clicks) <= 1
    assert clicks == sorted(clicks, reverse=True)
    assert clicks[10:20] == [0.005] * 10
    assert not any(clicks[20:])


@given(st.lists(st.floats(0, 0.1), min_size=10, max_size=10), st.floats(0, 1))
def test_a_tail_that_exceeds_the_clicks_scales_all_positions(shares: list[float], tail: float) -> None:
    """The sum is kept at 1 and the ratio between positions stays."""
    whole = math.fsum([*shares, *[tail] * 10])
    if not whole:
        return
    found = Curve("own", "1", tuple(shares), tail)

    assert math.fsum(found.ctr(position) for position in range(1, 21)) <= 1 + 1e-12
    assert found.ctr(1) == pytest.approx(shares[0] / max(whole, 1))
    assert found.ctr(20) == pytest.approx(tail / max(whole, 1))


@pytest.mark.parametrize("shares", [(0.2,) * 9, (0.2,) * 10, (-0.1, *(0.1,) * 9), (math.nan,) * 10])
def test_a_table_that_is_no_distribution_is_refused(shares: tuple[float, ...]) -> None:
    """Ten shares in [0, 1] that sum to at most 1, or no curve."""
    with pytest.raises(ValueError, match="curve 'own'"):
        Curve("own", "1", shares)


def test_positions_count_from_one() -> None:
    """Position 0 is a bug of the caller and not the first place."""
    with pytest.raises(ValueError, match="from 1, not 0"):
        curve(DEFAULT).ctr(0)


def test_an_unknown_curve_names_the_known_ones() -> None:
    """The error lists what may be asked for."""
    with pytest.raises(ValueError, match="'serpvoyager'; known: sistrix-2020, backlinko"):
        curve("serpvoyager")
