"""When a report that was computed before still answers."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.report_keeping import LONG_SECONDS, SPACING, answers

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SECONDS = st.floats(0, 1e6)


@given(st.booleans(), SECONDS, SECONDS)
def test_what_has_not_changed_answers_for_ever(ended: bool, seconds: float, age: float) -> None:
    """However old it is."""
    assert answers(same=True, ended=ended, seconds=seconds, made_at=NOW - timedelta(seconds=age), now=NOW)


@given(SECONDS, SECONDS)
def test_a_changed_report_of_an_ended_pipeline_never_answers(seconds: float, age: float) -> None:
    """Nothing else will change, so it is worth the wait."""
    made_at = NOW - timedelta(seconds=age)
    assert not answers(same=False, ended=True, seconds=seconds, made_at=made_at, now=NOW)


@given(SECONDS, SECONDS)
def test_a_long_one_stands_in_for_a_while_as_its_pipeline_works(seconds: float, age: float) -> None:
    """For ten times as long as it took; a short one is computed for everybody."""
    made_at = NOW - timedelta(seconds=age)
    stands_in = answers(same=False, ended=False, seconds=seconds, made_at=made_at, now=NOW)
    assert stands_in == (seconds >= LONG_SECONDS and (NOW - made_at).total_seconds() < SPACING * seconds)
