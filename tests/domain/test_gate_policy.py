"""The gate's policy: limits, and how long everything stands still after an error."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.gate import (
    ACCOUNT_PAUSE_SECONDS,
    PACIFIC,
    GatePolicy,
    hold_seconds,
    seconds_to_end,
    seconds_to_midnight,
)
from shared.domain.provider import Limits
from shared.errors import StatusError

C = ErrorCategory
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)  # noon in California
HOUR = 60 * 60


@pytest.mark.parametrize(
    ("rule", "retry_after", "seconds"),
    [
        (ErrorRule(C.RECOVERABLE), 30.0, 0.0),
        (ErrorRule(C.NON_RECOVERABLE), 30.0, 0.0),
        (ErrorRule(C.DEGRADED), None, 0.0),
        (ErrorRule(C.THROTTLED), 7.5, 7.5),
        (ErrorRule(C.THROTTLED), None, 1.0),
        (ErrorRule(C.QUOTA), 3600.0, 3600.0),
        (ErrorRule(C.QUOTA, until="midnight_pacific"), 5.0, 5.0),
        (ErrorRule(C.QUOTA, until="midnight_pacific"), 0.0, 1.0),
        (ErrorRule(C.QUOTA, until="midnight_pacific"), None, 12.0 * HOUR),
        (ErrorRule(C.QUOTA), None, ACCOUNT_PAUSE_SECONDS),
        (ErrorRule(C.ACCOUNT), None, ACCOUNT_PAUSE_SECONDS),
    ],
)
def test_hold_follows_the_category(rule: ErrorRule, retry_after: float | None, seconds: float) -> None:
    """One item's trouble holds nobody; a limit, a quota or a refused account holds every call."""
    assert hold_seconds(rule, StatusError("x", status=403, retry_after=retry_after), NOW) == seconds


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), 23),  # the midnight before the clock goes forward
        (datetime(2026, 3, 8, 9, 30, tzinfo=UTC), 21.5),
        (datetime(2026, 3, 8, 10, 30, tzinfo=UTC), 20.5),
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), 25),  # the midnight before it goes back
        (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), 23.5),  # the first half past one
        (datetime(2026, 11, 1, 9, 30, tzinfo=UTC), 22.5),  # the second
        (datetime(2026, 7, 1, 6, 59, tzinfo=UTC), 1 / 60),
        (datetime(2026, 7, 1, 7, 0, tzinfo=UTC), 24),
    ],
)
def test_day_of_a_clock_change_has_23_or_25_hours(now: datetime, hours: float) -> None:
    """The quota is back at midnight in California, whatever its clocks do until then."""
    assert seconds_to_midnight(now) == pytest.approx(hours * HOUR)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  zone is given beside
    st.sampled_from([PACIFIC, ZoneInfo("Asia/Kathmandu"), timezone(timedelta(hours=-12)), UTC]),
)
@example(datetime(2026, 3, 8, 9, 0, tzinfo=UTC), PACIFIC)
@example(datetime(2026, 11, 1, 8, 30, tzinfo=UTC), PACIFIC)
def test_wait_ends_at_the_next_midnight(now: datetime, zone: timezone | ZoneInfo) -> None:
    """It does not matter in which zone the present moment is written."""
    seconds = seconds_to_midnight(now.astimezone(zone))

    assert 0 < seconds <= 25 * HOUR
    there = (now + timedelta(seconds=seconds)).astimezone(PACIFIC)
    assert (there.hour, there.minute, there.second) == (0, 0, 0)
    assert there.date() == now.astimezone(PACIFIC).date() + timedelta(days=1)


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1), (1.0, 1), (10.0, 1), (25.0, 2), (200.0, 20)])
def test_a_tenth_of_a_second_may_burst(rate: float, burst: int) -> None:
    """Calls start nearly evenly, also at high rates; there is always room for one."""
    policy = GatePolicy.of(Limits(7, rate), wait_seconds=1.5)

    assert policy == GatePolicy(7, rate, burst, 1.5)


def test_a_day_that_is_over_is_not_waited_for() -> None:
    """A refusal of yesterday's units, heard after midnight, says nothing of today's."""
    zone = ZoneInfo("America/Los_Angeles")
    evening = datetime(2026, 11, 25, 23, 59, 59, tzinfo=zone)
    assert seconds_to_end(date(2026, 11, 25), evening, zone) == 1.0
    assert seconds_to_end(date(2026, 11, 25), evening + timedelta(seconds=2), zone) == 0.0
    assert seconds_to_end(date(2026, 11, 26), evening, zone) == 86_401.0
