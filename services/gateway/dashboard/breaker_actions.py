"""What can be done to a provider's circuit breaker."""

from typing import Final

from services.gateway.dashboard.action import GIVEN_REASON, REASON, Action, Field, Form, part, reason
from services.gateway.dashboard.api import Api, Call
from services.gateway.dashboard.wording import plural

_SERVICE: Final = ("service",)


async def _open_items(api: Api, form: Form) -> str:
    queues = (await api.get("/monitoring/job-queues"))["queues"]
    items = sum(queue["items_pending"] for queue in queues if queue["queue"] == form.get("service"))
    return f"{plural(items, 'item')} of its phase {'is' if items == 1 else 'are'} open."


def _order(name: str, verb: str, title: str, says: str, field: Field) -> Action:
    return Action(
        name,
        title,
        says,
        _SERVICE,
        lambda form: Call(
            "POST",
            f"/monitoring/circuit-breakers/{part(form, 'service')}/{verb}",
            {"reason": reason(form)},
        ),
        lambda answer: (
            f"The breaker of {answer['service']} is {answer['state'].replace('_', ' ')}{', held' if answer['forced'] else ''}."
        ),
        (field,),
        count=_open_items,
        dangerous=field.required,
    )


ACTIONS: Final = (
    _order(
        "hold-open",
        "open",
        "Hold open",
        "No call to the provider starts until the breaker is reset. Calls in flight end; items wait and spend no attempt.",
        GIVEN_REASON,
    ),
    _order(
        "hold-closed",
        "close",
        "Hold closed",
        "Calls go on, whatever fails, until the breaker is reset. What has waited for it goes on.",
        GIVEN_REASON,
    ),
    _order(
        "reset",
        "reset",
        "Reset",
        "It is closed and left to itself again. What has waited for it goes on.",
        REASON,
    ),
)
