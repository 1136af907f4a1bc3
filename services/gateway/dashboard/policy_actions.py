"""What can be done to a breaker's policy: when the breaker opens and closes."""

from typing import Any, Final

from services.gateway.dashboard.action import (
    GIVEN_REASON,
    NULL,
    SEEN,
    Action,
    Field,
    Form,
    number,
    part,
    seen,
)
from services.gateway.dashboard.api import Api, Call
from services.gateway.dashboard.wording import exact, words

FIELDS: Final = (
    Field(
        "failure_threshold", "Opens after so many faults", "number", hint="In a row, or within the window."
    ),
    Field(
        "failure_share",
        "Share of the window's calls that must be faults",
        "number",
        hint="Unless they come in a row; 0.5 is half of the calls.",
    ),
    Field("window_seconds", "Window, in seconds", "number", hint="Faults and calls are counted over it."),
    Field(
        "slow_seconds",
        "Slow answer, in seconds",
        "number",
        hint="What took longer is a fault; 0: nothing is.",
    ),
    Field("timeout_seconds", "Stays open, in seconds", "number", hint="Then it is tried out."),
    Field("probes", "Calls at once while it is tried out", "number"),
    Field("success_threshold", "Closes after so many that succeed", "number"),
)
_SERVICE: Final = ("service",)


def _policy(form: Form, rest: str = "") -> str:
    return f"/monitoring/circuit-breakers/{part(form, 'service')}/policy{rest}"


def _edit(form: Form) -> Call:
    given = {field.name: form.get(field.name, "").strip() for field in FIELDS}
    body = {name: number(text) if text else NULL for name, text in given.items()}
    return Call("PATCH", _policy(form), body | {"reason": form.get("reason") or None}, seen(form))


def _told(edits: dict[str, Any]) -> str:
    return ", ".join(f"{words(name)} {exact(value)}" for name, value in edits.items())


def _changed(answer: Any) -> str:
    by = f"{_told(answer['edits'])}, else by what is configured" if answer["edits"] else "what is configured"
    return f"The breaker of {answer['service']} goes by {by}. Workers follow within 5 seconds."


async def _set_so_far(api: Api, form: Form) -> str:
    policy = await api.get(_policy(form))
    if not policy["edits"]:
        return "Nothing is set: it goes by what its workers are configured to."
    return f"Set by {policy['changed_by']}: {_told(policy['edits'])}. Why: {policy['reason']}."


async def _tag(api: Api, form: Form) -> dict[str, str]:
    return {SEEN: (await api.read(_policy(form)))[1]}


async def _present(api: Api, form: Form) -> dict[str, str]:
    policy, tag = await api.read(_policy(form))
    edits = policy["edits"]
    return {field.name: exact(edits[field.name]) if field.name in edits else "" for field in FIELDS} | {
        SEEN: tag
    }


async def _configured(api: Api, form: Form) -> dict[str, str]:
    configured = (await api.get(_policy(form)))["configured"]
    if configured is None:
        return {field.name: "Empty: as configured." for field in FIELDS}
    return {field.name: f"Empty: {exact(configured[field.name])}, as configured." for field in FIELDS}


ACTIONS: Final = (
    Action(
        "edit-policy",
        "Change the policy",
        "The breaker opens and closes by it in every worker, within 5 seconds. Where it is open, it is tried out when it was to be.",
        _SERVICE,
        _edit,
        _changed,
        (*FIELDS, GIVEN_REASON),
        count=_set_so_far,
        seed=_present,
        hints=_configured,
    ),
    Action(
        "reset-policy",
        "Set the policy back",
        "It goes by what its workers are configured to again, in every worker, within 5 seconds. The breaker itself stays as it is.",
        _SERVICE,
        lambda form: Call(
            "POST", _policy(form, "/reset"), {"reason": form.get("reason") or None}, seen(form)
        ),
        _changed,
        (GIVEN_REASON,),
        count=_set_so_far,
        seed=_tag,
        dangerous=True,
    ),
)
