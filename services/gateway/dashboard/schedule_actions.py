"""What can be done with templates and schedules."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from services.gateway.dashboard.action import GIVEN_REASON, REASON, Action, Field, Form, part, reason
from services.gateway.dashboard.api import Api, Call
from services.gateway.dashboard.wording import plural

_TEMPLATE: Final = ("template_id",)
_SCHEDULE: Final = ("schedule_id",)
_CRON_HINT: Final = "Minute, hour, day, month, weekday: 0 6 * * 1 is Mondays at six."
_ZONE_HINT: Final = "In which that is meant, as Europe/Berlin. UTC when it is left out."
_RULE: Final = ("name", "cron", "time_zone", "overlap")
_FIELDS: Final = (
    Field("cron", "When", required=True, hint=_CRON_HINT),
    Field("time_zone", "Time zone", hint=_ZONE_HINT),
    Field(
        "overlap",
        "While an earlier pipeline of it is under way",
        "choice",
        options={
            "skip": "skip this time",
            "allow": "start another one beside it",
            "cancel_previous": "cancel the earlier one",
        },
    ),
    Field("name", "Name", hint="The template's when it is left out."),
)


def _template(form: Form, rest: str = "") -> str:
    return f"/templates/{part(form, 'template_id')}{rest}"


def _schedule(form: Form, rest: str = "") -> str:
    return f"/schedules/{part(form, 'schedule_id')}{rest}"


def _signed(form: Form) -> dict[str, Any]:
    return {"reason": reason(form)}


def _why(form: Form) -> str:
    """The reason of a DELETE, which has no body."""
    return f"?{urlencode({'reason': form['reason']})}" if form.get("reason") else ""


def _rule(form: Form) -> dict[str, Any]:
    return {name: form.get(name) or None for name in _RULE} | _signed(form)


def _started(answer: Any) -> str:
    searches = "1 search" if answer["items"] == 1 else f"{answer['items']:,} searches"
    return f"Started: {searches}. It is the newest of the pipelines."


def _planned(answer: Any) -> str:
    following = answer["next_fires"]
    when = f"next {following[0]['told']}" if following else "it is paused"
    return f"{answer['name']}: {answer['in_words']}; {when}."


async def _size(api: Api, form: Form) -> str:
    template = await api.get(_template(form))
    return (
        f"{template['name']}: {plural(template['keywords'], 'keyword')} in {', '.join(template['regions'])}."
    )


async def _users(api: Api, form: Form) -> str:
    number = (await api.get(_template(form)))["schedules"]
    return f"{plural(number, 'schedule')} of it must go first." if number else "No schedule starts it."


async def _fires(api: Api, form: Form) -> str:
    schedule = await api.get(_schedule(form))
    return f"{schedule['name']}: {schedule['in_words']}, {schedule['time_zone']}."


async def _runs(api: Api, form: Form) -> str:
    schedule = await api.get(_schedule(form))
    under_way = schedule["under_way"] if schedule["overlap"] == "cancel_previous" else []
    cancels = f" It cancels what is under way: {', '.join(under_way)}." if under_way else ""
    return await _fires(api, form) + cancels


async def _present(api: Api, form: Form) -> dict[str, str]:
    schedule = await api.get(_schedule(form))
    return {name: schedule[name] for name in _RULE}


def _steer(name: str, title: str, says: str, call: Callable[[Form], Call], field: Field = REASON) -> Action:
    return Action(name, title, says, _SCHEDULE, call, _planned, (field,))


ACTIONS: Final = (
    Action(
        "save-template",
        "Save as a template",
        "Keeps what the pipeline was started with under a name, to be started again, by hand or by the clock.",
        ("pipeline_id",),
        lambda form: Call(
            "POST",
            "/templates",
            {"name": form.get("name", ""), "pipeline_id": form.get("pipeline_id")} | _signed(form),
        ),
        lambda answer: f"The template {answer['name']} is kept.",
        (Field("name", "Name", required=True), REASON),
    ),
    Action(
        "start-template",
        "Start the template",
        "Starts a pipeline with everything it holds.",
        _TEMPLATE,
        lambda form: Call("POST", _template(form, "/start"), _signed(form)),
        _started,
        (REASON,),
        count=_size,
    ),
    Action(
        "try-template",
        "Try the template out",
        "Starts a pipeline of ten of its keywords, taken in turn from every group. What it buys is not bought again by the whole.",
        _TEMPLATE,
        lambda form: Call("POST", _template(form, "/try"), _signed(form)),
        _started,
        (REASON,),
        count=_size,
    ),
    Action(
        "delete-template",
        "Delete the template",
        "Forgets it. Pipelines that it has started stay.",
        _TEMPLATE,
        lambda form: Call("DELETE", _template(form, _why(form))),
        lambda _: "The template is deleted.",
        (REASON,),
        count=_users,
        signed=False,
        dangerous=True,
        loses=True,
    ),
    Action(
        "create-schedule",
        "Schedule the template",
        "Starts it by the clock from now on. What falls into a time without a gateway is made up for once, late.",
        _TEMPLATE,
        lambda form: Call("POST", "/schedules", {"template_id": form.get("template_id")} | _rule(form)),
        _planned,
        (*_FIELDS, REASON),
        count=_size,
    ),
    Action(
        "edit-schedule",
        "Change the schedule",
        "It goes by the new rule from now on.",
        _SCHEDULE,
        lambda form: Call("PATCH", _schedule(form), _rule(form)),
        _planned,
        (*_FIELDS, REASON),
        seed=_present,
    ),
    _steer(
        "pause-schedule",
        "Pause the schedule",
        "It does not fire until it is unpaused. Pipelines that it has started go on.",
        lambda form: Call("POST", _schedule(form, "/pause"), _signed(form)),
        GIVEN_REASON,
    ),
    _steer(
        "unpause-schedule",
        "Unpause the schedule",
        "It fires at its next moment. What it missed is not made up for.",
        lambda form: Call("POST", _schedule(form, "/unpause"), _signed(form)),
    ),
    Action(
        "run-schedule",
        "Run it now",
        "Starts its template at once, unless it is to skip while an earlier pipeline is under way. Its next moment stays.",
        _SCHEDULE,
        lambda form: Call("POST", _schedule(form, "/run-now"), _signed(form)),
        _started,
        (REASON,),
        count=_runs,
        dangerous=True,
    ),
    Action(
        "delete-schedule",
        "Delete the schedule",
        "Forgets it, and what came of it. Pipelines that it has started stay.",
        _SCHEDULE,
        lambda form: Call("DELETE", _schedule(form, _why(form))),
        lambda _: "The schedule is deleted.",
        (REASON,),
        count=_fires,
        signed=False,
        dangerous=True,
        loses=True,
    ),
)
