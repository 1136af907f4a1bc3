"""From the words of a query to the pipelines it means, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.errors import InputError, Problem
from shared.store.pipelines import Condition, Listed

State = Literal["running", "paused", "completed", "completed_with_gaps", "failed", "cancelled"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_of(last: Listed) -> str:
    """The place of a pipeline in the order of the list."""
    return f"{(last.created_at - _EPOCH) // timedelta(microseconds=1)}_{last.pipeline_id}"


def condition_of(
    states: list[State] | None,
    name: str | None,
    since: str | None,
    until: str | None,
    cursor: str | None,
) -> Condition:
    """Raises InputError for what cannot be meant. Times without a zone are UTC."""
    if name is not None and not name.isprintable():
        raise InputError(Problem("?name", "must not hold control characters"))
    after_at, after_id = _place(cursor) if cursor else (None, None)
    return Condition(
        [*states] if states else None,
        name,
        _moment("since", since),
        _moment("until", until),
        after_at,
        after_id,
    )


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            Problem(f"?{name}", "must be a day or a moment, as in 2026-11-25 or 2026-11-25T12:00:00Z")
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _place(cursor: str) -> tuple[datetime, UUID]:
    microseconds, _, pipeline_id = cursor.partition("_")
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds)), UUID(pipeline_id)
    except (ValueError, OverflowError):
        raise InputError(
            Problem("?cursor", "is no cursor of this list; take next_cursor of a page")
        ) from None
