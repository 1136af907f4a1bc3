"""When a schedule fires, and what it does about what it has started before. Pure; cron itself is `cronsim`'s.

Daylight saving as Debian's cron has it: what is due at a time of day that is left out comes right after the gap, and what
is due at one that comes twice comes the first time only. Whatever comes every hour or oftener goes by the time that passes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from msgspec import Meta

from shared.domain.strict_json import nearest

Overlap = Literal["skip", "allow", "cancel_previous"]
"""What is done at a fire while a pipeline of the same schedule is still under way."""

#: Characters of an expression, and its fields.
CRON_LENGTH: Final = 100
FIELDS: Final = 5
#: Fires that are foretold.
FORETOLD: Final = 5
_EXAMPLE: Final = "expected something like 0 6 * * 1, which is Mondays at six"


def check_cron(text: str) -> None:
    """Raise ValueError for what is no cron expression, or never comes."""
    if len(text) > CRON_LENGTH:
        raise ValueError(f"has {len(text)} characters; at most {CRON_LENGTH} are allowed")
    if len(text.split()) != FIELDS:
        raise ValueError(
            f"has {len(text.split())} fields; minute, hour, day, month and weekday are {FIELDS}: {_EXAMPLE}"
        )
    now = datetime.now(UTC)
    try:
        CronSim(text, now)
    except CronSimError as error:
        raise ValueError(f"is no cron expression: {str(error).lower()}; {_EXAMPLE}") from None
    if not next_fires(text, "UTC", now, 1):
        raise ValueError("never comes in the next 50 years; no day is like this")


def check_time_zone(name: str) -> None:
    """Raise ValueError for what is no time zone."""
    if name not in time_zones():
        near = nearest(name, tuple(sorted(time_zones()))) if len(name) < CRON_LENGTH else ""
        hint = near if near.startswith("did") else "expected something like Europe/Berlin or UTC"
        raise ValueError(f"{name[:40]!r} is no time zone; {hint}")


@cache
def time_zones() -> frozenset[str]:
    """All names that mean the same on every machine."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


Cron = Annotated[
    str, Meta(extra={"check": check_cron}, extra_json_schema={"minLength": 9, "maxLength": CRON_LENGTH})
]
TimeZone = Annotated[
    str, Meta(extra={"check": check_time_zone}, extra_json_schema={"minLength": 1, "maxLength": CRON_LENGTH})
]


def next_fires(cron: str, time_zone: str, after: datetime, count: int) -> list[datetime]:
    """The next `count` moments, in UTC, each later than the one before and than `after`; fewer when no more come."""
    fires: list[datetime] = []
    for at in _moments(cron, time_zone, after):
        # At the end of summer time cronsim also names moments that have passed.
        if at > (fires[-1] if fires else after):
            fires.append(at)
        if len(fires) == count:
            break
    return fires


def next_fire(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first moment after `after`, however many were missed before it; None when none comes any more."""
    return next(iter(next_fires(cron, time_zone, after, 1)), None)


def in_words(cron: str) -> str:
    """As in "At 06:00 on Monday"."""
    return CronSim(cron, datetime.now(UTC)).explain()


def told(at: datetime, time_zone: str) -> str:
    """A moment as a sentence has it: Monday, 30 November 2026, 06:00 CET."""
    local = at.astimezone(ZoneInfo(time_zone))
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M %Z}"


def refusal(overlap: Overlap, under_way: int) -> str:
    """Why nothing is started now; empty: it is."""
    if overlap != "skip" or not under_way:
        return ""
    what = "a pipeline" if under_way == 1 else f"{under_way} pipelines"
    return f"{what} of this schedule {'is' if under_way == 1 else 'are'} still under way"


def _moments(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    simulated = CronSim(cron, after.astimezone(ZoneInfo(time_zone)))
    while True:
        try:
            at = next(simulated)
        except (StopIteration, OverflowError):  # none in 50 years, or none before the calendar ends
            return
        yield at.astimezone(UTC)
