"""When schedules fire: the policy of the next fire, summer time, and what is left to words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.schedule import (
    check_cron,
    check_time_zone,
    in_words,
    next_fire,
    next_fires,
    refusal,
    told,
)

BERLIN = "Europe/Berlin"
ZONES = (
    BERLIN,
    "UTC",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Riyadh",
)
CRONS = (
    "0 6 * * 1", "30 2 * * *", "0 2,3 * * *", "*/20 * * * *", "15 * * * *", "0 0 * * *", "0 0 1 * *", "59 23 L * *",
    "0 */6 * * *", "5 4 * * SUN#2",
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants them naive


def utc(*parts: int) -> datetime:
    year, month, day, hour, minute = parts
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@given(st.sampled_from(CRONS), st.sampled_from(ZONES), MOMENTS)
def test_fires_come_one_after_the_other_however_often_they_are_asked_for(
    cron: str, zone: str, after: datetime
) -> None:
    """A chain of single questions, as the record asks them, names the same moments as one question for all."""
    fires = next_fires(cron, zone, after, 6)
    chain, at = [], after
    for _ in range(6):
        following = next_fire(cron, zone, at)
        assert following
        assert following > at
        chain.append(at := following)
    assert chain == fires


@given(st.sampled_from(CRONS), st.sampled_from(ZONES), MOMENTS, st.integers(0, 60 * 24 * 40))
def test_however_late_one_looks_the_next_fire_is_the_first_to_come(
    cron: str, zone: str, after: datetime, minutes: int
) -> None:
    """What was missed meanwhile is behind; nothing that is to come is passed over."""
    late = after + timedelta(minutes=minutes)
    following = next_fire(cron, zone, late)
    assert following
    missed = [at for at in next_fires(cron, zone, after, 5) if at <= late]
    assert all(at < following for at in missed)
    assert not [at for at in next_fires(cron, zone, after, 5) if late < at < following]


@given(st.sampled_from(ZONES), st.integers(2015, 2034), st.integers(0, 23), st.integers(0, 59))
def test_what_is_due_once_a_day_fires_once_on_every_day(zone: str, year: int, hour: int, minute: int) -> None:
    """Also on days of 23 and 25 hours: a year's fires fall on a year's days, one on each."""
    begin = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(minutes=1)
    fires = next_fires(f"{minute} {hour} * * *", zone, begin, 365)
    days = [at.astimezone(ZoneInfo(zone)).date() for at in fires]
    assert len(set(days)) == 365
    assert (days[-1] - days[0]).days == 364


def test_what_is_due_in_the_hour_that_is_left_out_comes_right_after_it() -> None:
    """In Berlin 02:30 is missing on 29 March 2026: it is 03:00 summer time, once."""
    fires = next_fires("30 2 * * *", BERLIN, utc(2026, 3, 28, 0, 0), 3)
    assert fires == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 0), utc(2026, 3, 30, 0, 30)]


def test_what_is_due_in_the_hour_that_comes_twice_fires_once() -> None:
    """In Berlin 02:30 comes twice on 25 October 2026; also who asks between the two gets the next day."""
    first = utc(2026, 10, 25, 0, 30)
    assert next_fires("30 2 * * *", BERLIN, utc(2026, 10, 24, 12, 0), 2) == [first, utc(2026, 10, 26, 1, 30)]
    for between in (first, first + timedelta(minutes=31), first + timedelta(hours=1)):
        assert next_fire("30 2 * * *", BERLIN, between) == utc(2026, 10, 26, 1, 30)


def test_what_is_due_every_hour_goes_by_the_time_that_passes() -> None:
    """Neither the gap nor the repeat makes an hour longer or shorter."""
    for day in (utc(2026, 3, 28, 22, 0), utc(2026, 10, 24, 22, 0)):
        fires = next_fires("0 * * * *", BERLIN, day, 6)
        assert fires == [day + timedelta(hours=n) for n in range(1, 7)]


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("", "has 0 fields"),
        ("@daily", "has 1 fields"),
        ("0 0 6 * * 1", "has 6 fields"),
        ("61 * * * *", "bad minute"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("* * */20 * 1L", "never comes"),
        ("* " * 60, "has 120 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_reason(cron: str, says: str) -> None:
    """Also one that no day ever meets."""
    with pytest.raises(ValueError, match=says):
        check_cron(cron)


@pytest.mark.parametrize("name", ["Berlin", "", "../etc/passwd", "America", "x" * 300, "Europe/Berlin "])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    """Nothing but a known name is ever looked up."""
    with pytest.raises(ValueError, match="is no time zone"):
        check_time_zone(name)


def test_a_schedule_is_told_in_words() -> None:
    """The rule, and a moment in the schedule's own time."""
    assert in_words("0 6 * * 1") == "At 06:00 on Monday"
    assert told(utc(2026, 11, 30, 5, 0), BERLIN) == "Monday, 30 November 2026, 06:00 CET"


@pytest.mark.parametrize(
    ("overlap", "under_way", "starts"),
    [("skip", 0, True), ("skip", 1, False), ("skip", 2, False), ("allow", 2, True), ("cancel_previous", 1, True)],
)  # fmt: skip
def test_only_skip_keeps_a_fire_from_starting(overlap: str, under_way: int, starts: bool) -> None:
    """And says how many pipelines are in its way."""
    why = refusal(overlap, under_way)  # type: ignore[arg-type]  # the cases are literals
    assert (why == "") is starts
    assert starts or "still under way" in why
