"""What the queue endpoints take and answer."""

import msgspec

from services.gateway.actor import Actor, GivenReason, Reason
from shared.store.control import Action
from shared.store.job_queues import Queue


class QueuePage(msgspec.Struct, frozen=True):
    """Every queue, in the order of the work."""

    queues: list[Queue]


class RetryRequest(msgspec.Struct, frozen=True):
    """Nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class PauseQueue(msgspec.Struct, frozen=True, kw_only=True):
    """Why a queue is to be paused."""

    reason: GivenReason
    actor: Actor = ""


class UnpauseQueue(msgspec.Struct, frozen=True):
    """Nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class QueueSteered(msgspec.Struct, frozen=True):
    """What became of a queue."""

    queue: str
    paused: bool
    jobs_withdrawn: int
    """That nobody had claimed: their items are due again."""


class QueueActionPage(msgspec.Struct, frozen=True):
    """What operators did to a queue, newest first."""

    items: list[Action]


class Dropped(msgspec.Struct, frozen=True):
    """A dead message that stood for no job that could be done."""

    message_id: str
    why: str


class Retried(msgspec.Struct, frozen=True):
    """What came of a queue's dead letters."""

    queue: str
    replayed: int
    """Dead letters whose items were put back."""
    refused: int
    """Left alone, because their pipeline was cancelled."""
    redispatched: list[int]
    """Jobs that are sent again, because their message was dead and they were not."""
    dropped: list[Dropped]
    """Other dead messages, taken out."""
    redis: str
    """ok, why dead messages could not be looked at, or `not checked`."""
