"""What can be done to items that ended without a result, and to their dead letters."""

from typing import Any, Final

import msgspec

from services.gateway.dashboard.action import (
    GIVEN_REASON,
    REASON,
    Action,
    Field,
    Form,
    json,
    part,
    reason,
)
from services.gateway.dashboard.api import Api, Call
from services.gateway.dashboard.session import PATH
from services.gateway.dashboard.wording import plural

#: What dead letters are selected by.
FILTERS: Final = ("fingerprint", "pipeline_id", "phase", "category", "service")


def _selected(form: Form) -> dict[str, Any]:
    if ids := form.get("ids"):
        return {"ids": [int(word) if word.isdecimal() else word for word in ids.replace(",", " ").split()]}
    return {"filter": {name: form[name] for name in FILTERS if form.get(name)}}


def _move(verb: str) -> Any:
    return lambda form: Call("POST", f"/dead-letters/{verb}", _selected(form) | {"reason": reason(form)})


async def _letters(api: Api, form: Form) -> str:
    body = _selected(form) | {"dry_run": True}
    found = await api.send(Call("POST", "/dead-letters/replay", body))
    return f"{plural(found['letters'], 'dead letter')} {'is' if found['letters'] == 1 else 'are'} selected."


def _watched(answer: Any) -> str:
    """Where what goes on by itself is seen going on."""
    return f"{PATH}/operations" if "operation_id" in answer else ""


def _begun(answer: Any) -> str | None:
    """Of an action that was too much for a request."""
    if "operation_id" not in answer:
        return None
    return f"Operation {answer['operation_id']} does it for {answer['matched']:,}; it goes on by itself."


def _moved(word: str) -> Any:
    def done(answer: Any) -> str:
        if begun := _begun(answer):
            return begun
        text = f"{plural(answer['letters'], 'dead letter')} {word}."
        if answer["refused"]:
            text += f" {answer['refused']:,} left alone: their pipeline was cancelled."
        return text

    return done


def _failed_path(form: Form) -> str:
    return f"/monitoring/pipeline/{part(form, 'pipeline_id')}/retry-failed"


def _retry(form: Form) -> Call:
    body = {name: form.get(name) or None for name in ("phase", "category")}
    return Call("POST", _failed_path(form), body | {"reason": reason(form)})


async def _failed(api: Api, form: Form) -> str:
    body = {name: form[name] for name in ("phase", "category") if form.get(name)}
    found = await api.send(Call("POST", _failed_path(form), body | {"dry_run": True}))
    return f"{plural(found['items'], 'item')} ended without a result."


async def _dead_in_queue(api: Api, form: Form) -> str:
    queues = (await api.get("/monitoring/job-queues"))["queues"]
    return f"{plural(sum(q['dead_letters'] for q in queues if q['queue'] == form.get('queue')), 'dead letter')} in it."


async def _present_input(api: Api, form: Form) -> dict[str, str]:
    letter = await api.get(f"/dead-letters/{part(form, 'job_id')}")
    return {"input": msgspec.json.format(msgspec.json.encode(letter["input"]), indent=2).decode()}


ACTIONS: Final = (
    Action(
        "replay",
        "Replay dead letters",
        "Their items are worked on again, each once. An ended pipeline goes on, and its figures are computed anew.",
        ("ids", *FILTERS),
        _move("replay"),
        _moved("replayed"),
        (REASON,),
        count=_letters,
        leads_to=_watched,
        dangerous=True,
    ),
    Action(
        "discard",
        "Discard dead letters",
        "They are closed for good. Their items stay failed, as gaps of their pipelines.",
        ("ids", *FILTERS),
        _move("discard"),
        _moved("discarded"),
        (GIVEN_REASON,),
        count=_letters,
        leads_to=_watched,
        dangerous=True,
        loses=True,
    ),
    Action(
        "edit-input",
        "Edit the item's input",
        "It is used when the letter is replayed. The same fields, other values; what it was before stays in the history.",
        ("job_id",),
        lambda form: Call(
            "PATCH",
            f"/dead-letters/{part(form, 'job_id')}",
            {"input": json(form.get("input", "")), "reason": reason(form)},
        ),
        lambda answer: f"The input of dead letter {answer['letter']['job_id']} is changed.",
        (Field("input", "Input", "json", required=True), REASON),
        seed=_present_input,
    ),
    Action(
        "retry-failed",
        "Retry failed items",
        "Whatever they failed for, also what was given up. An ended pipeline goes on, and its figures are computed anew.",
        ("pipeline_id", "phase", "category"),
        _retry,
        lambda answer: _begun(answer) or f"{plural(answer['items'], 'item')} due again.",
        (REASON,),
        count=_failed,
        leads_to=_watched,
        dangerous=True,
    ),
    Action(
        "retry-queue",
        "Replay all that is dead in the queue",
        "All its dead letters are replayed, and messages that are dead in Redis alone are sent again or taken out.",
        ("queue",),
        lambda form: Call(
            "POST",
            f"/monitoring/job-queues/{part(form, 'queue')}/retry-dead-letter",
            {"reason": reason(form)},
        ),
        lambda answer: (
            _begun(answer)
            or f"{plural(answer['replayed'], 'dead letter')} replayed, {plural(len(answer['redispatched']), 'job')} sent again."
        ),
        (REASON,),
        count=_dead_in_queue,
        leads_to=_watched,
        dangerous=True,
    ),
)
