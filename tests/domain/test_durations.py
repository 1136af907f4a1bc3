"""Durations in buckets: quantiles near enough, and the same whether they were counted apart or together."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.durations import LEAST, add_up, bucket, quantile

seconds = st.floats(LEAST, 1000, allow_nan=False)
#: Half a bucket, and what floating point adds.
OFF = 0.05


def counted(values: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    return counts


@given(st.lists(seconds, min_size=1), st.floats(0, 1))
def test_quantile_is_off_by_a_twentieth_at_the_most(values: list[float], share: float) -> None:
    """Against the sorted list itself."""
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = quantile(counted(values), share)
    assert found == pytest.approx(exact, rel=OFF)


@given(st.lists(seconds), st.lists(seconds))
def test_counts_of_two_processes_add_up(left: list[float], right: list[float]) -> None:
    """To those of one that saw both."""
    assert add_up([counted(left), counted(right)]) == counted(left + right)


@given(st.floats())
def test_every_number_has_a_bucket(value: float) -> None:
    """Also what no clock should give: it must not stop a call."""
    assert 0 <= bucket(value) <= bucket(1e9)


def test_of_nothing_there_is_no_quantile() -> None:
    """0 would be a claim."""
    assert quantile({}, 0.95) is None
