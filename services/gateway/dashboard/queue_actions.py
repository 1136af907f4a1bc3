"""What can be done to the queue of a service."""

from typing import Final

from services.gateway.dashboard.action import GIVEN_REASON, REASON, Action, Field, part, reason
from services.gateway.dashboard.api import Call


def _steer(verb: str, title: str, says: str, field: Field) -> Action:
    return Action(
        f"{verb}-queue",
        title,
        says,
        ("queue",),
        lambda form: Call(
            "POST", f"/monitoring/job-queues/{part(form, 'queue')}/{verb}", {"reason": reason(form)}
        ),
        lambda answer: f"The queue {answer['queue']} is {'paused' if answer['paused'] else 'running'}.",
        (field,),
    )


ACTIONS: Final = (
    _steer(
        "pause",
        "Pause the provider",
        "No call to it starts any more, within two seconds; no attempt is spent, and nothing is given up for it.",
        GIVEN_REASON,
    ),
    _steer("unpause", "Unpause the provider", "It goes on at once.", REASON),
)
