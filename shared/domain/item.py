"""An item: the smallest unit inside a phase, and the states it may pass through."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class ItemState(StrEnum):
    """State of an item. `pending` covers both due and waiting items."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class WaitReason(StrEnum):
    """Why a pending item is not due yet."""

    RETRY = "retry"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    BREAKER = "breaker"
    QUOTA = "quota"
    BUDGET = "budget"
    ACCOUNT = "account"
    PAUSED = "paused"
    IN_DOUBT = "in_doubt"
    SHUTDOWN = "shutdown"


#: What a single step may do. Anything else changes no row.
TRANSITIONS: frozenset[tuple[ItemState, ItemState]] = frozenset(
    {
        (ItemState.PENDING, ItemState.PROCESSING),  # claim
        (ItemState.PROCESSING, ItemState.PENDING),  # wait, retry, reaper
        (ItemState.PROCESSING, ItemState.COMPLETED),
        (ItemState.PROCESSING, ItemState.FAILED),
        (ItemState.PROCESSING, ItemState.SKIPPED),
        (ItemState.PENDING, ItemState.SKIPPED),  # given up
    }
)

#: What only an operator does: retry-failed, replay, resume, rewind. Such an item has all its attempts again.
SET_BACK: frozenset[tuple[ItemState, ItemState]] = frozenset(
    (ended, ItemState.PENDING) for ended in (ItemState.COMPLETED, ItemState.FAILED, ItemState.SKIPPED)
)

OPEN = (ItemState.PENDING, ItemState.PROCESSING)


class Item(msgspec.Struct, frozen=True):
    """What a provider sees of an item."""

    item_id: int
    key: str
    """Canonical key, unique within pipeline and phase."""
    input: Mapping[str, Any]
    """All the provider needs beside the key, frozen when the item was found."""
    attempts: int = 0
    """Attempts already spent."""
    context: Mapping[str, Any] = {}
    """What the phase uses of the pipeline's frozen configuration (`Phase.context`), in plain JSON values."""
    source: Mapping[str, Any] | None = None
    """The stored answer that was bought for the item of the same key in the phase this one reads (`Phase.reads`)."""
