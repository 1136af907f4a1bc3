"""What an operator may set of a breaker's policy while workers run, and what comes of it. Pure."""

from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from shared.domain.breaker import BreakerPolicy

_DAY_SECONDS: Final = 24 * 60 * 60
_HOUR_SECONDS: Final = 60 * 60
_Count = Annotated[int, Meta(ge=1, le=100_000)]


class PolicyEdits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields of a `BreakerPolicy` with other values than the workers are configured to; null: as configured."""

    failure_threshold: _Count | None = None
    """Opens after so many faults in a row, or so many within the window."""
    success_threshold: _Count | None = None
    """Calls that must succeed until it closes again."""
    timeout_seconds: Annotated[float, Meta(ge=0.1, le=_DAY_SECONDS)] | None = None
    """How long it stays open before it is tried out."""
    window_seconds: Annotated[float, Meta(ge=1, le=_HOUR_SECONDS)] | None = None
    failure_share: Annotated[float, Meta(ge=0.01, le=1)] | None = None
    """Least part of the window's calls that must be faults."""
    probes: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """Calls in flight at once while it is tried out."""
    slow_seconds: Annotated[float, Meta(ge=0, le=_HOUR_SECONDS)] | None = None
    """An answer that took longer counts as a fault; 0: none does."""


def as_fields(edits: PolicyEdits) -> dict[str, Any]:
    """What is set, by name."""
    given = {name: getattr(edits, name) for name in PolicyEdits.__struct_fields__}
    return {name: value for name, value in given.items() if value is not None}


def edited(configured: BreakerPolicy, edits: PolicyEdits) -> BreakerPolicy:
    """What the workers follow. Raises ValueError for what is no policy."""
    return replace(configured, **as_fields(edits))
