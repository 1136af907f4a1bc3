"""What the failed-item endpoints take and answer."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from services.gateway.actor import Actor, Reason
from services.gateway.dead_letters.schemas import PhaseName, Word
from shared.store.failed_items import FailedGroup, FailedItem

#: More items than any pipeline has.
MOST = 10**9


class RetryFailedRequest(msgspec.Struct, frozen=True):
    """Which items; without anything all of the pipeline that failed or were given up."""

    phase: PhaseName = None
    category: Word = None
    max: Annotated[int, Meta(ge=1, le=MOST)] | None = None
    """At most so many, the oldest first."""
    dry_run: bool = False
    """Only count them."""
    actor: Actor = ""
    reason: Reason = ""


class FailedPage(msgspec.Struct, frozen=True):
    """Items of a pipeline that ended without a result."""

    pipeline_id: UUID
    groups: list[FailedGroup]
    """How many there are in all, by phase and category."""
    items: list[FailedItem]
    next_cursor: int | None
    """For `cursor` of the next request; null at the end."""


class RetriedItems(msgspec.Struct, frozen=True):
    """What came of it."""

    pipeline_id: UUID
    items: int
    """Due again; with `dry_run` those that would be."""
    dry_run: bool
