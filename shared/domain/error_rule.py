"""An error rule as data: what its row holds, what a provider declares, and what is wrong with an edit."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.domain.category import ErrorCategory, ErrorRule, Until
from shared.domain.pattern import check_pattern
from shared.domain.provider import Provider
from shared.domain.retry import RetryPolicy, Strategy
from shared.errors import Problem

Category = Literal["recoverable", "throttled", "quota", "account", "degraded", "non_recoverable"]

#: Between the ordinals of declared rules: room for those somebody adds.
STEP = 10
#: Seconds; an item that waits for longer waits for something else than its next try.
LONGEST_SECONDS = 7 * 24 * 60 * 60
#: Of an error code; longer ones are cut when they are read. Characters.
CODE_LENGTH = 100


def _check_code(text: str) -> None:
    if not 1 <= len(text) <= CODE_LENGTH or not text.isprintable():
        raise ValueError(f"a code has 1 to {CODE_LENGTH} printable characters")


Delay = Annotated[float, Meta(ge=0, le=LONGEST_SECONDS)]


class RuleData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be edited of a rule."""

    ordinal: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """A provider's rules are read in this order, and the first that matches decides."""
    status: Annotated[int, Meta(ge=100, le=599)] | None = None
    """HTTP status. Null: any, and none."""
    code: Annotated[str, Meta(extra={"check": _check_code})] | None = None
    """One of the provider's error codes, compared whole. Null: any."""
    pattern: Annotated[str, Meta(extra={"check": check_pattern})] | None = None
    """Regular expression searched in the start of the body, ignoring case. Null: any body."""
    category: Category
    strategy: Strategy = "exponential"
    """How the delays grow from try to try; with none there is no second try."""
    attempts: Annotated[int, Meta(ge=1, le=100)] = 4
    """Tries in all, the first included."""
    base_seconds: Delay = 1.0
    """Delay before the second try."""
    cap_seconds: Delay = 300.0
    """The longest delay."""
    until: Until | None = None
    """When a quota comes back, if the answer does not say it."""
    whole: bool = False
    """No item of the call is to blame more than the others: they are not handled again in parts."""
    trips: bool = True
    """Counts as a fault of the provider."""
    alert: bool = False
    """Written to the log as an error, at most once a minute."""
    dead_letter: bool = True
    """An item whose tries are used up becomes a dead letter."""
    enabled: bool = True
    """A rule that is not is passed over."""

    @classmethod
    def of(cls, rule: ErrorRule, ordinal: int, general: RetryPolicy) -> "RuleData":
        """A declared rule, with what it takes over from the provider's retry policy."""
        policy = rule.policy(general)
        return cls(
            ordinal=ordinal,
            status=rule.status,
            code=rule.code,
            pattern=rule.pattern,
            category=rule.category.value,
            strategy=policy.strategy,
            attempts=policy.attempts,
            base_seconds=policy.base_seconds,
            cap_seconds=policy.cap_seconds,
            until=rule.until,
            whole=rule.whole,
            trips=rule.trips,
            alert=rule.alerts,
            dead_letter=rule.dead_letter,
        )

    def rule(self) -> ErrorRule:
        """As errors are held against it. Raises ValueError for a pattern that is none or may take too long."""
        if self.pattern is not None:
            check_pattern(self.pattern)
        return ErrorRule(
            ErrorCategory(self.category),
            status=self.status,
            code=self.code,
            pattern=self.pattern,
            strategy=self.strategy,
            attempts=self.attempts,
            base_seconds=self.base_seconds,
            cap_seconds=self.cap_seconds,
            until=self.until,
            whole=self.whole,
            trips=self.trips,
            alert=self.alert,
            dead_letter=self.dead_letter,
        )


def contradictions(data: RuleData) -> list[Problem]:
    """What is wrong with fields that are right each by itself."""
    problems = []
    if data.status is None and data.code is None and data.pattern is None:
        problems.append(Problem("", "would match every error; give a status, a code or a pattern"))
    if data.cap_seconds < data.base_seconds:
        problems.append(Problem("/cap_seconds", f"is below base_seconds, which is {data.base_seconds:g}"))
    if data.until is not None and data.category != "quota":
        problems.append(Problem("/until", f"goes with the category quota, not with {data.category}"))
    return problems


def declared(provider: Provider) -> dict[str, RuleData]:
    """The provider's rules by rule id. The id holds across versions, for as long as the conditions are the same."""
    rules: dict[str, RuleData] = {}
    for n, rule in enumerate(provider.errors, 1):
        # Of two with the same conditions the second never matches.
        rules.setdefault(_rule_id(provider, rule), RuleData.of(rule, n * STEP, provider.retry))
    return rules


def in_force(rules: Sequence[RuleData]) -> tuple[ErrorRule, ...]:
    """The enabled ones in their order, as `categorize` takes them."""
    return tuple(data.rule() for data in sorted(rules, key=lambda data: data.ordinal) if data.enabled)


def _rule_id(provider: Provider, rule: ErrorRule) -> str:
    conditions = msgspec.json.encode((rule.status, rule.code, rule.pattern))
    return f"{provider.name}-{hashlib.blake2b(conditions, digest_size=4).hexdigest()}"
