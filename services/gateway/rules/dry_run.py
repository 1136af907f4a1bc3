"""What a change of a rule would have meant: recorded errors held against the rules as they are, and as they would be."""

from collections import Counter
from collections.abc import Sequence

from services.gateway.rules.schemas import DryRun, Reclassified
from shared.domain.category import categorize
from shared.domain.error_rule import RuleData, in_force
from shared.store.retry_history import RECORDED_LIMIT, Recorded


def compare(
    recorded: Sequence[Recorded], before: Sequence[RuleData], after: Sequence[RuleData], days: float
) -> DryRun:
    """Counts attempts, not errors: a call that failed for twenty items is twenty."""
    old_rules, new_rules = in_force(before), in_force(after)
    changes: Counter[tuple[str, str]] = Counter()
    for known in recorded:
        error = known.error()
        old, new = categorize(error, old_rules).category, categorize(error, new_rules).category
        if old is not new:
            changes[old.value, new.value] += known.attempts
    return DryRun(
        days=days,
        attempts=sum(known.attempts for known in recorded),
        reclassified=changes.total(),
        changes=[Reclassified(old, new, attempts) for (old, new), attempts in changes.most_common()],
        complete=len(recorded) < RECORDED_LIMIT,
    )
