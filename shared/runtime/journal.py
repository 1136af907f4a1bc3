"""One line per call and one per item, with all there is to say about it. Pipeline, phase and job are bound around it."""

from shared import log, tracing
from shared.domain.service_health import OK
from shared.store.calls import Intent
from shared.store.outcomes import Ending, Settlement
from shared.store.retry_history import Attempt

_log = log.get(__name__)

#: Figures of a duration that anybody reads.
DIGITS = 4


def call_ended(intent: Intent, settlement: Settlement) -> None:
    """A call has come to its end. Unknown units and money are null, never 0."""
    duration = settlement.duration_seconds
    _log.info(
        "call",
        provider=intent.provider,
        endpoint=intent.endpoint,
        call_id=intent.call_id,
        subjects=intent.subjects,
        outcome=settlement.outcome,
        state=settlement.state,
        status=settlement.status,
        duration_seconds=None if duration is None else round(duration, DIGITS),
        units=settlement.units,
        money=settlement.money,
        **({"error": settlement.error} if settlement.error else {}),
    )
    span = {
        "landscape.provider": intent.provider,
        "landscape.call_id": intent.call_id,
        "landscape.subjects": intent.subjects,
        "landscape.item_id": log.said("item_id"),
        "landscape.attempt": log.said("attempt"),
        "http.response.status_code": settlement.status,
    }
    tracing.call(
        f"{intent.provider} {intent.endpoint}",
        duration or 0.0,
        {name: value for name, value in span.items() if value},
        failure="" if settlement.outcome == OK else settlement.outcome,
    )


def item_ended(ending: Ending, attempt: Attempt | None, *, attempts: int, duration_seconds: float) -> None:
    """A try of an item is in the record; `attempt` if it was one and ended in an error. `attempts` are all it has spent."""
    said = {
        "wait_reason": ending.wait_reason,
        "wait_seconds": ending.wait_seconds,
        "category": attempt.category if attempt else ending.error_category,
        "error": attempt.error if attempt else ending.last_error,
        "degraded": ending.degraded,
    }
    _log.info(
        "item",
        item_id=ending.item_id,
        state=ending.state,
        attempt=attempts,
        duration_seconds=round(duration_seconds, DIGITS),
        from_store=ending.from_store,
        **{name: value for name, value in said.items() if value is not None},
    )
