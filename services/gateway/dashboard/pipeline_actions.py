"""What can be done to a pipeline."""

from typing import Any, Final

from services.gateway.dashboard.action import REASON, Action, Field, Form, number, part, reason
from services.gateway.dashboard.api import Api, Call, Refused
from services.gateway.dashboard.wording import plural, span
from shared.domain.phases import CLOSING

_PIPELINE: Final = ("pipeline_id",)


def _path(form: Form, rest: str) -> str:
    return f"/pipeline/{part(form, 'pipeline_id')}{rest}"


def _steer(verb: str, title: str, says: str, *, loses: bool = False, count: Any = None) -> Action:
    return Action(
        verb,
        title,
        says,
        _PIPELINE,
        lambda form: Call("POST", _path(form, f"/{verb}"), {"reason": reason(form)}),
        lambda answer: f"The pipeline is {answer['state'].replace('_', ' ')}.",
        (REASON,),
        count=count,
        dangerous=loses,
        loses=loses,
    )


async def _open_items(api: Api, form: Form) -> str:
    progress = await api.get(f"/monitoring/pipeline/{part(form, 'pipeline_id')}/progress")
    items = sum(phase["pending"] + phase["processing"] for phase in progress["phases"])
    return f"{plural(items, 'item')} of it {'is' if items == 1 else 'are'} open and will be skipped."


async def _lost_items(api: Api, form: Form) -> str:
    count = await _failed(api, form)
    return f"{plural(count, 'item')} failed or given up will be due again."


async def _failed(api: Api, form: Form) -> int:
    found = await api.get(f"/monitoring/pipeline/{part(form, 'pipeline_id')}/failed-items", limit=1)
    return sum(group["items"] for group in found["groups"])


async def _later_items(api: Api, form: Form) -> str:
    progress = await api.get(f"/monitoring/pipeline/{part(form, 'pipeline_id')}/progress")
    completed = sum(phase["completed"] for phase in progress["phases"] if phase["phase"] not in CLOSING)
    checkpoints = (await api.get(_path(form, "/checkpoints")))["items"]
    before = next((c["completed"] for c in checkpoints if c["name"] == form.get("name")), completed)
    return f"{plural(completed - before, 'item')} completed after it will be done again."


async def _spent(api: Api, form: Form) -> str:
    budget = await api.get(_path(form, "/budget"))
    if budget["budget"] is None:
        return "It has no budget yet."
    return f"Its budget is {budget['budget']:,.2f}, of which {budget['committed']:,.2f} is committed."


async def _present_budget(api: Api, form: Form) -> dict[str, str]:
    budget = (await api.get(_path(form, "/budget")))["budget"]
    return {} if budget is None else {"budget": f"{budget:g}"}


async def _planned(api: Api, form: Form) -> str:
    whole = {"config": {"resume_from_pipeline_id": form.get("pipeline_id", "")}}
    try:
        plan = await api.send(Call("POST", "/pipeline/plan", whole))
    except Refused as refused:
        return f"What it would take is not known: {refused.detail}."
    items, money = round(sum(phase["items"]["expected"] for phase in plan["phases"])), plan["money"]
    stored = sum(phase["from_store"] or 0 for phase in plan["phases"])
    cost = "what it costs is unknown" if money is None else f"about {money['expected']:,.2f} of money"
    return (
        f"About {plural(items, 'item')} in {span(plan['seconds']['expected'])}, {cost};"
        f" {plural(stored, 'item')} answered by what is stored."
    )


def _resume(form: Form) -> Call:
    failed_only = form.get("resume_failed_only") == "on"
    return Call("POST", _path(form, "/resume"), {"resume_failed_only": failed_only, "reason": reason(form)})


def _rewind(form: Form) -> Call:
    body = {"rebuy": form.get("rebuy") == "on", "reason": reason(form)}
    return Call("POST", _path(form, f"/checkpoints/{part(form, 'name')}/rewind"), body)


ACTIONS: Final = (
    _steer("pause", "Pause", "No call of it starts any more, within two seconds. Calls in flight end and are recorded."),
    _steer("unpause", "Unpause", "It goes on at once."),
    _steer(
        "cancel",
        "Cancel",
        "Calls in flight end and are recorded; everything else is skipped. What is completed stays.",
        loses=True,
        count=_open_items,
    ),
    Action(
        "resume",
        "Resume",
        "It goes on by its frozen configuration. What failed, was given up or was cancelled is due again; figures are computed anew.",
        _PIPELINE,
        _resume,
        lambda answer: f"It goes on: {plural(answer['items'], 'item')} due again.",
        (Field("resume_failed_only", "Leave out what was given up or cancelled", "checkbox"), REASON),
        count=_lost_items,
    ),
    Action(
        "run-again",
        "Run it again",
        "Another pipeline with the same configuration. It takes nothing over; what is stored answers as long as it is fresh."
        " Afterwards the two can be compared.",
        _PIPELINE,
        lambda form: Call("POST", _path(form, "/clone"), {}),
        lambda answer: f"Started: {answer['items']:,} searches.",
        (),
        count=_planned,
        leads_to=lambda answer: f"/ui/pipelines/{answer['pipeline_id']}",
        signed=False,
        dangerous=True,
    ),
    Action(
        "checkpoint",
        "Write a checkpoint",
        "Its present position, under a name. It can be gone back to later.",
        _PIPELINE,
        lambda form: Call(
            "POST", _path(form, "/checkpoints"), {"name": form.get("name", ""), "reason": reason(form)}
        ),
        lambda answer: f"Checkpoint {answer['name']}: {plural(answer['completed'], 'item')} completed before it.",
        (Field("name", "Name", required=True), REASON),
    ),
    Action(
        "verify",
        "Verify the checkpoint",
        "Reads every result before it, and tells whether all are as they were. Changes nothing.",
        ("pipeline_id", "name"),
        lambda form: Call("GET", _path(form, f"/checkpoints/{part(form, 'name')}/verify")),
        lambda answer: f"{'It holds' if answer['passed'] else 'It does not hold'}: {answer['detail']}.",
        (),
    ),
    Action(
        "rewind",
        "Go back to the checkpoint",
        "What ended after it is done again. The pipeline must be paused or have ended, and the checkpoint must hold.",
        ("pipeline_id", "name"),
        _rewind,
        lambda answer: (
            f"It went back: {plural(answer['set_back'], 'item')} due again, {answer['removed']:,} removed."
        ),
        (Field("rebuy", "Buy again what was bought since", "checkbox", hint="Else the stored answers answer again."), REASON),
        count=_later_items,
        dangerous=True,
        loses=True,
    ),
    Action(
        "budget",
        "Set the budget",
        "What it may spend in all. Acts on the next call; items that wait for it try again at once.",
        _PIPELINE,
        lambda form: Call(
            "PUT", _path(form, "/budget"), {"budget": number(form.get("budget", "")), "reason": reason(form)}
        ),
        lambda answer: f"The budget is {answer['budget']:,.2f}.",
        (Field("budget", "Budget", "number", required=True), REASON),
        count=_spent,
        seed=_present_budget,
    ),
)  # fmt: skip
