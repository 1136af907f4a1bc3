"""What the breaker endpoints take and answer."""

import msgspec

from services.gateway.actor import Actor, GivenReason, Reason
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
