"""What is told of: the names of events, the same on the stream, in webhooks and in alerts."""

from enum import StrEnum


class EventName(StrEnum):
    """What has happened; `data` of each says what more there is to know."""

    PIPELINE_STARTED = "pipeline.started"
    """It runs: started, unpaused, resumed, gone back to a checkpoint, doing a phase again, or reopened for a replay; `cause` says which."""
    PIPELINE_PAUSED = "pipeline.paused"
    PIPELINE_COMPLETED = "pipeline.completed"
    PIPELINE_COMPLETED_WITH_GAPS = "pipeline.completed_with_gaps"
    PIPELINE_FAILED = "pipeline.failed"
    PHASE_COMPLETED = "phase.completed"
    """Nothing of `phase` is open, and nothing more can be found; told again when a retry has changed its counts."""
    BREAKER_OPENED = "breaker.opened"
    BREAKER_CLOSED = "breaker.closed"
    QUOTA_EXHAUSTED = "quota.exhausted"
    """Items wait for a provider's quota; once a day for each service."""
    BUDGET_80 = "budget.80"
    """Four fifths of a pipeline's money are committed; once for each budget that is set."""
    BUDGET_EXHAUSTED = "budget.exhausted"
    """Items wait for money; likewise."""
    ACCOUNT_ERROR = "account.error"
    """A provider refuses our account; once an hour for each service."""
    DEAD_LETTER_CREATED = "dead_letter.created"
    """Items were given up, `letters` of them for one cause at one moment."""
    AUDIT_FAILED = "audit.failed"
    """A pipeline's record contradicts itself; once for the same `checks`."""
    RULE_CHANGED = "rule.changed"
    """An error rule was added, edited or set back; or, with `breaker`, the policy of a service's breaker."""


#: All names, in the order they are explained.
NAMES = tuple(name.value for name in EventName)
