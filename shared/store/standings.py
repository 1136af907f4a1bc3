"""Where the providers stand today: limits, quota, spending, and when the quota would be used up at this pace."""

from datetime import date
from typing import Any, Final, cast

import msgspec

from shared.store import queries
from shared.store.planning import Profile
from shared.store.pool import Connection

_SQL = queries.load("standings")

#: How long calls are counted by the minute.
KEPT_DAYS: Final = 2
#: Rows deleted at once.
_CHUNK: Final = 50_000


class Standing(msgspec.Struct, frozen=True):
    """A provider today."""

    profile: Profile
    day: date
    """Of its own time zone."""
    units_today: float
    """Charged, or set aside for calls whose charge is not known yet."""
    money_today: float | None
    """None: its unit has no price here."""
    units_left: float | None
    """None: it has no daily limit."""
    units_last_hour: float
    """Known charges of calls that left in the last hour, by whole minutes."""
    calls_last_hour: int
    seconds_to_reset: float
    """Until its day is over."""
    seconds_to_exhaustion: float | None
    """At the last hour's pace; None when the day ends first, nothing is charged, or there is no limit."""
    breaker: str
    """closed, open or half_open."""
    held: bool
    """An operator holds the breaker."""
    reason: str
    """Of the breaker's last change."""


def forecast(left: float | None, units_an_hour: float, seconds_to_reset: float) -> float | None:
    """Seconds until nothing is left, if that comes before the reset."""
    if left is None:
        return None
    if left <= 0:
        return 0.0
    seconds = left / units_an_hour * 3600 if units_an_hour > 0 else seconds_to_reset
    return seconds if seconds < seconds_to_reset else None


async def list_standings(conn: Connection) -> list[Standing]:
    """Of every provider whose workers have run, by service."""
    cursor = await conn.execute(_SQL["list_standings"])
    return [_standing(cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]


async def fold_provider_counters(conn: Connection) -> None:
    """Replace delta rows of the last two hours by their sums; an hour is what is asked for."""
    await conn.execute(_SQL["fold_provider_counters"])


async def delete_provider_counters(conn: Connection) -> int:
    """Forget some of those older than KEPT_DAYS; how many."""
    cursor = await conn.execute(_SQL["delete_provider_counters"], {"days": KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount


def _standing(row: tuple[Any, ...]) -> Standing:
    fields = len(Profile.__struct_fields__)
    profile = Profile(*row[:fields])
    day, committed, hour, calls, reset, breaker, held, reason = row[fields:]
    today, pace = committed or 0.0, hour or 0.0
    left = None if profile.units_per_day is None else max(0.0, profile.units_per_day - today)
    return Standing(
        profile=profile,
        day=day,
        units_today=today,
        money_today=None if profile.unit_price is None else today * profile.unit_price,
        units_left=left,
        units_last_hour=pace,
        calls_last_hour=calls or 0,
        seconds_to_reset=reset,
        seconds_to_exhaustion=forecast(left, pace, reset),
        breaker=breaker,
        held=held,
        reason=reason,
    )
