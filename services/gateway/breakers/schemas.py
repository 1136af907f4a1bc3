"""What the breaker endpoints take and answer."""

from typing import Annotated

import msgspec
from msgspec import Meta

from services.gateway.actor import check_given_reason, check_name, check_reason
from shared.store.breakers import BreakerChange, BreakerRow


class ResetBreaker(msgspec.Struct, frozen=True):
    """Nothing of it is needed."""

    actor: Annotated[str, Meta(extra={"check": check_name})] = ""
    reason: Annotated[str, Meta(extra={"check": check_reason})] = ""


class HoldBreaker(msgspec.Struct, frozen=True, kw_only=True):
    """Why a breaker is to be held."""

    reason: Annotated[str, Meta(extra={"check": check_given_reason})]
    actor: Annotated[str, Meta(extra={"check": check_name})] = ""


class Breakers(msgspec.Struct, frozen=True):
    """One per service."""

    items: list[BreakerRow]


class BreakerDetail(msgspec.Struct, frozen=True):
    """One breaker and what happened to it lately."""

    breaker: BreakerRow
    changes: list[BreakerChange]
    """The newest first."""
