"""A bulk action that is too long for a request: its kinds, its states. Pure."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is done to each."""

    REPLAY = "replay"
    """Dead letters are put back to work."""
    DISCARD = "discard"
    """Dead letters are closed for good."""
    RETRY_FAILED = "retry_failed"
    """A pipeline's failed and given-up items are due again."""


class OperationState(StrEnum):
    """How far it has come."""

    QUEUED = "queued"
    """Nobody has begun with it."""
    RUNNING = "running"
    COMPLETED = "completed"
    """Everything has had its turn."""
    CANCELLED = "cancelled"
    """By an operator; what was done before stays done."""
    FAILED = "failed"
    """It cannot go on; likewise."""


#: More matches than that are an operation, fewer are done while the request waits: about a second.
IN_A_REQUEST: Final = 5000
