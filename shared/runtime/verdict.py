"""What a try means for an item: the record that ends its `processing`. Pure."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.gate import GateShut, hold_seconds
from shared.domain.item import Item, ItemState, WaitReason
from shared.domain.phases import found_in
from shared.domain.provider import Completed, Failed, Outcome, Skipped
from shared.domain.retry import RetryPolicy
from shared.errors import ProviderError
from shared.store.jobs import Claim
from shared.store.outcomes import Ending, Evidence, Record
from shared.store.retry_history import Attempt

#: Category of an item that failed by a defect of this code, not by its provider.
BUG = "bug"


def ended(claim: Claim, item: Item, outcome: Outcome | None) -> Record:
    """The provider gave an outcome; giving none is a defect."""
    if isinstance(outcome, Completed):
        ending = Ending(
            claim.pipeline_id,
            item.item_id,
            claim.job_id,
            claim.phase,
            ItemState.COMPLETED,
            spent=1,
            degraded=outcome.degraded or None,
            from_store=bool(outcome.facts) and all(fact.from_store for fact in outcome.facts),
        )
        found = tuple(found_in(claim.phase, item.key, outcome.result, claim.settings.rules))
        return Record(
            ending=ending, evidence=Evidence(outcome.result, tuple(f.ref for f in outcome.facts), found)
        )
    if isinstance(outcome, Failed):
        return failed(claim, item, ErrorCategory.NON_RECOVERABLE, outcome.error)
    if isinstance(outcome, Skipped):
        return Record(
            ending=Ending(
                claim.pipeline_id, item.item_id, claim.job_id, claim.phase, ItemState.SKIPPED, last_error=outcome.reason
            )
        )  # fmt: skip
    return failed(claim, item, BUG, "its provider gave no outcome for it")


def failed(
    claim: Claim,
    item: Item,
    category: str,
    text: str,
    error: ProviderError | None = None,
    *,
    dead_letter: bool = True,
) -> Record:
    """The item will not be tried again by itself. `error` is what its provider answered, if that is why."""
    ending = Ending(
        claim.pipeline_id,
        item.item_id,
        claim.job_id,
        claim.phase,
        ItemState.FAILED,
        spent=1,
        error_category=category,
        last_error=text,
        dead_letter=dead_letter,
    )
    attempt = Attempt.of(item.attempts + 1, category, text, error)
    return Record(ending=ending, attempt=attempt if claim.settings.tracks_attempts else None)


def waiting(
    claim: Claim,
    item: Item,
    reason: WaitReason,
    seconds: float,
    error: Exception | None = None,
    *,
    spent: int = 0,
) -> Record:
    """The item goes back; due at once when `seconds` is 0."""
    later = seconds > 0
    return Record(
        ending=Ending(
            claim.pipeline_id,
            item.item_id,
            claim.job_id,
            claim.phase,
            ItemState.PENDING,
            spent=spent,
            wait_seconds=seconds if later else None,
            wait_reason=reason if later else None,
            last_error=str(error) if error else None,
        )
    )


def shut(claim: Claim, item: Item, gate: GateShut) -> Record:
    """The gate did not let its call start: no attempt."""
    return waiting(claim, item, WaitReason(gate.reason), gate.wait_seconds)


def refused(
    claim: Claim,
    item: Item,
    retry: RetryPolicy,
    rule: ErrorRule,
    error: ProviderError,
    *,
    random: Callable[[], float] = random.random,
) -> Record:
    """Its call gave no usable answer: wait, try again, or give up, by the rule and the provider's policy.

    Items of one call are given the same `random`, so that they are due together and share a call again.
    """
    if rule.category is ErrorCategory.NON_RECOVERABLE:
        return failed(claim, item, rule.category, str(error), error, dead_letter=rule.dead_letter)
    if rule.category in (ErrorCategory.QUOTA, ErrorCategory.ACCOUNT):
        return waiting(
            claim, item, WaitReason(rule.category), hold_seconds(rule, error, datetime.now(UTC)), error
        )
    if rule.category is ErrorCategory.THROTTLED:
        return waiting(claim, item, WaitReason.RATE, hold_seconds(rule, error, datetime.now(UTC)), error)
    number = item.attempts + 1
    delay = rule.policy(retry).delay(number, random=random, retry_after=error.retry_after)
    if delay is None:
        text = f"{error}, on attempt {number}, the last"
        return failed(claim, item, rule.category, text, error, dead_letter=rule.dead_letter)
    waits = waiting(claim, item, WaitReason.RETRY, delay, error, spent=1)
    if not claim.settings.tracks_attempts:
        return waits
    attempt = Attempt.of(number, rule.category, str(error), error, delay_seconds=delay)
    return msgspec.structs.replace(waits, attempt=attempt)
