"""What the breaker endpoints take and answer."""

import msgspec

from services.gateway.actor import Actor, GivenReason, Reason
from shared.domain import strict_json
from shared.domain.breaker_policy import PolicyEdits, as_fields
from shared.store.breaker_policies import PolicyRow, PolicyVersion
from shared.store.breakers import BreakerChange, BreakerRow


class ResetBreaker(msgspec.Struct, frozen=True):
    """Nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class HoldBreaker(msgspec.Struct, frozen=True, kw_only=True):
    """Why a breaker is to be held."""

    reason: GivenReason
    actor: Actor = ""


class Breakers(msgspec.Struct, frozen=True):
    """One per service."""

    items: list[BreakerRow]


class BreakerDetail(msgspec.Struct, frozen=True):
    """One breaker and what happened to it lately."""

    breaker: BreakerRow
    changes: list[BreakerChange]
    """The newest first."""
    policy: PolicyRow
    policy_changes: list[PolicyVersion]
    """Likewise."""


class PolicyEdit(PolicyEdits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; null sets a field back to what is configured."""

    reason: GivenReason
    actor: Actor = ""

    @property
    def edits(self) -> PolicyEdits:
        """Without who wanted it and why."""
        return PolicyEdits(**{name: getattr(self, name) for name in PolicyEdits.__struct_fields__})


class PolicyReset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sets a policy back, and why."""

    reason: GivenReason
    actor: Actor = ""


def read_edit(body: bytes, current: PolicyEdits) -> PolicyEdit:
    """The edits with the fields of a body. Raises MalformedError or InputError, which names every wrong field."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        given = None
    if isinstance(given, dict):
        body = msgspec.json.encode(as_fields(current) | given)
    return strict_json.decode(body, PolicyEdit)
