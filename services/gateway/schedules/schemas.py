"""What the schedule endpoints take and answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.gateway.actor import Actor, GivenReason, Reason
from services.gateway.templates.schemas import Label
from shared.domain.schedule import FORETOLD, Cron, Overlap, TimeZone, in_words, next_fires, told
from shared.store.schedules import Fire, Schedule


def check_template_id(text: str) -> None:
    """Raise ValueError for what is no id."""
    try:
        UUID(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no template id") from None


TemplateId = Annotated[str, Meta(extra={"check": check_template_id}, extra_json_schema={"format": "uuid"})]


class ScheduleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule that is wanted."""

    template_id: TemplateId
    cron: Cron
    """Minute, hour, day, month, weekday; as in 0 6 * * 1."""
    time_zone: TimeZone = "UTC"
    """In which the expression is meant; as in Europe/Berlin."""
    overlap: Overlap = "skip"
    """While a pipeline of this schedule is under way: start nothing, start another one, or cancel the earlier one."""
    name: Label | None = None
    """Omitted: the template's."""
    actor: Actor = ""
    reason: Reason = ""


class SchedulePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be other; what is left out stays as it is."""

    template_id: TemplateId | UnsetType = UNSET
    cron: Cron | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET
    name: Label | UnsetType = UNSET
    actor: Actor = ""
    reason: Reason = ""


class PauseSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who pauses it, and why."""

    reason: GivenReason
    actor: Actor = ""


class Foretold(msgspec.Struct, frozen=True):
    """A fire that is to come."""

    at: datetime
    told: str
    """In words, in the schedule's own time."""


class Preview(msgspec.Struct, frozen=True):
    """What an expression means."""

    in_words: str
    next_fires: list[Foretold]


class ScheduleDetail(Schedule, frozen=True, kw_only=True):
    """A schedule, and what is to come of it."""

    in_words: str
    next_fires: list[Foretold]
    """Empty while it is paused."""


class ScheduleAlone(ScheduleDetail, frozen=True, kw_only=True):
    """A schedule as it is shown by itself."""

    under_way: list[UUID]
    """Pipelines that it has started and that have not ended, the oldest first; by `cancel_previous` the next fire cancels them."""


class SchedulePage(msgspec.Struct, frozen=True):
    """By their next fire."""

    items: list[ScheduleDetail]


class FirePage(msgspec.Struct, frozen=True):
    """The newest first."""

    items: list[Fire]
    next_cursor: int | None
    """Null: these were the last."""


def preview(cron: str, time_zone: str, now: datetime) -> Preview:
    """What would come from now on."""
    return Preview(in_words(cron), _foretold(next_fires(cron, time_zone, now, FORETOLD), time_zone))


def detail(schedule: Schedule) -> ScheduleDetail:
    """With the fires to come, the one that is next on record first."""
    following = schedule.next_fire_at
    fires = (
        [following, *next_fires(schedule.cron, schedule.time_zone, following, FORETOLD - 1)]
        if following
        else []
    )
    fields = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
    return ScheduleDetail(
        **fields, in_words=in_words(schedule.cron), next_fires=_foretold(fires, schedule.time_zone)
    )


def _foretold(fires: list[datetime], time_zone: str) -> list[Foretold]:
    return [Foretold(at, told(at, time_zone)) for at in fires]
