"""Where providers stand today, by the day of their own time zone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.store.planning import Profile, save_profile
from shared.store.pool import Connection
from shared.store.standings import forecast, list_standings
from shared.testing.rows import fetch

amounts = st.floats(0, 1e9)
seconds = st.floats(1, 86_400)


@given(amounts, amounts, seconds)
def test_a_forecast_lies_before_the_reset(left: float, pace: float, reset: float) -> None:
    """Or there is none; what is left over by then is no exhaustion."""
    found = forecast(left, pace, reset)
    assert found is None or 0 <= found < reset
    if found is None:
        assert pace * reset / 3600 <= left * (1 + 1e-9)
    assert forecast(None, pace, reset) is None


@pytest.mark.anyio
async def test_spending_is_that_of_the_providers_day(conn: Connection) -> None:
    """Units and money of today there, the rest of the quota, and how long it lasts at the last hour's pace."""
    zone = "Pacific/Kiritimati"  # fourteen hours ahead: another day than here for most of ours
    await save_profile(
        conn, Profile("media", "youtube", "youtube stand-in", "unit", 0.5, 2, 1.0, 1000.0, zone, 60)
    )
    await conn.execute(
        "INSERT INTO provider_days (provider, day, most, committed)"
        " VALUES ('youtube stand-in', (now() AT TIME ZONE %s)::date, 1000, 999), ('youtube stand-in', '2020-01-01', 1000, 5)",
        (zone,),
    )
    await conn.execute(
        "INSERT INTO provider_counters SELECT date_trunc('minute', now() - age, 'UTC'), 'youtube', 1, 1800 FROM unnest(ARRAY[interval '1 min', interval '30 min', interval '2 hours']) AS age"
    )
    (standing,) = await list_standings(conn)
    assert (standing.units_today, standing.money_today, standing.units_left) == (999, 499.5, 1)
    assert (standing.units_last_hour, standing.calls_last_hour, standing.seconds_to_exhaustion) == (
        3600,
        2,
        1.0,
    )
    assert [standing.day] == await fetch(conn, "SELECT (now() AT TIME ZONE %s)::date", zone)
    assert 0 < standing.seconds_to_reset <= 86_400
    assert (standing.breaker, standing.held) == ("closed", False)
