"""The message: a hint that a job is ready. It may be lost, doubled or late."""

import msgspec


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """Names a job and the fence that must still hold when it is claimed."""

    job_id: int
    fence: int
    suspect: bool = False
    """Its items may have killed their worker: nothing else is worked on beside them."""
    traceparent: str = ""
    """Of the span in which it was made, as W3C writes it; empty when nothing is traced."""


#: Every service's queue is named as the service; the actor in it has this name.
ACTOR = "process_job"
