"""The rate of one asker: the limit holds in every window, and whoever keeps it is never refused."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain import request_rate
from shared.domain.request_rate import RequestRate

GAPS = st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60)
RATES = st.sampled_from([0.5, 1.0, 7.0, 200.0])


@given(GAPS, RATES, st.integers(1, 20))
def test_no_window_has_more_than_the_rate_and_one_burst(
    gaps: list[float], per_second: float, burst: int
) -> None:
    """Over any stretch of time, by the times of what was admitted."""
    rate, now, admitted = RequestRate(per_second, burst), 0.0, []
    for gap in gaps:
        now += gap
        if rate.ask("a", now).admitted:
            admitted.append(now)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            window = admitted[last] - admitted[first]
            assert last - first + 1 <= window * per_second + burst + 1e-6


@given(GAPS, RATES, st.integers(1, 20))
def test_who_waits_as_told_is_admitted_and_others_do_not_matter(
    gaps: list[float], per_second: float, burst: int
) -> None:
    """A refusal costs nothing, and names a time that holds."""
    rate, now = RequestRate(per_second, burst), 0.0
    for gap in gaps:
        now += gap
        rate.ask("other", now)
        verdict = rate.ask("a", now)
        if not verdict.admitted:
            now += verdict.wait_seconds
            assert rate.ask("a", now).admitted


@given(RATES, st.integers(1, 50))
def test_what_is_left_is_admitted_at_once(per_second: float, burst: int) -> None:
    """The headers tell the truth."""
    rate = RequestRate(per_second, burst)
    left = rate.ask("a", 5.0).left
    assert left == burst - 1
    assert all(rate.ask("a", 5.0).admitted for _ in range(left))
    assert not rate.ask("a", 5.0).admitted


def test_quiet_askers_are_forgotten() -> None:
    """What is kept is bounded by who has asked lately."""
    rate = RequestRate(1.0, 2)
    for n in range(request_rate.KNOWN):
        rate.ask(str(n), 0.0)
    rate.ask("one more", 100.0)
    assert len(rate._full_at) == 1
