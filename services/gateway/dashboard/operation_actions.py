"""What can be done to an operation."""

from typing import Final

from services.gateway.dashboard.action import REASON, Action, Form, part, reason
from services.gateway.dashboard.api import Api, Call


async def _how_far(api: Api, form: Form) -> str:
    found = await api.get(f"/operations/{part(form, 'operation_id')}")
    return f"It is {found['state']}: {found['done']:,} of {found['matched']:,} are done, and stay done."


ACTIONS: Final = (
    Action(
        "cancel-operation",
        "Cancel the operation",
        "Nothing more is done of it, after the thousand in hand. What is done stays done.",
        ("operation_id",),
        lambda form: Call(
            "POST", f"/operations/{part(form, 'operation_id')}/cancel", {"reason": reason(form)}
        ),
        lambda answer: f"Operation {answer['operation_id']} is {answer['state']}.",
        (REASON,),
        count=_how_far,
        dangerous=True,
    ),
)
