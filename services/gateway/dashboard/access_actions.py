"""What can be done to an API key."""

from typing import Final

from services.gateway.dashboard.action import REASON, Action, Form, part, reason
from services.gateway.dashboard.api import Api, Call
from services.gateway.dashboard.wording import since


async def _whose(api: Api, form: Form) -> str:
    key = await api.get(f"/keys/{part(form, 'key_id')}")
    used = "was never used" if key["last_used_at"] is None else f"was last used {since(key['last_used_at'])}"
    return f"The key {key['name']}, {key['role']}, {used}."


ACTIONS: Final = (
    Action(
        "revoke-key",
        "Revoke the key",
        "It opens nothing any more, from the next request on; who is signed in with it is signed out. It does not come back.",
        ("key_id",),
        lambda form: Call("POST", f"/keys/{part(form, 'key_id')}/revoke", {"reason": reason(form)}),
        lambda answer: f"The key {answer['name']} is revoked.",
        (REASON,),
        count=_whose,
        dangerous=True,
        loses=True,
    ),
)
