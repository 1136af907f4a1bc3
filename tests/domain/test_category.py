"""Categories: which rule an error falls under, the provider's own before the general ones."""

import pytest

from shared.domain.category import ErrorCategory, ErrorRule, categorize
from shared.errors import AnswerError, ProviderError, StatusError, TransportError

C = ErrorCategory


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (301, C.NON_RECOVERABLE),
        (400, C.NON_RECOVERABLE),
        (401, C.ACCOUNT),
        (402, C.ACCOUNT),
        (403, C.ACCOUNT),
        (404, C.NON_RECOVERABLE),
        (408, C.RECOVERABLE),
        (409, C.RECOVERABLE),
        (422, C.NON_RECOVERABLE),
        (425, C.RECOVERABLE),
        (429, C.THROTTLED),
        (500, C.RECOVERABLE),
        (503, C.RECOVERABLE),
        (599, C.RECOVERABLE),
    ],
)
def test_status_without_a_rule_of_its_own_has_a_default_category(
    status: int, category: ErrorCategory
) -> None:
    """A provider that declares nothing is treated by what HTTP says."""
    assert categorize(StatusError("x", status=status), ()).category is category


def test_missing_answer_is_recoverable() -> None:
    """A connection that broke says nothing about the item."""
    assert categorize(TransportError("x"), ()) == ErrorRule(C.RECOVERABLE)


@pytest.mark.parametrize(("code", "attempts"), [("malformed", 2), ("unreadable", None)])
def test_spoilt_answer_with_status_200_is_recoverable(code: str, attempts: int | None) -> None:
    """A cut-off body or an edge's error page passes; a wrong shape rarely does and is tried twice only."""
    error = AnswerError("x", status=200, codes=(code,))

    rule = categorize(error, ())

    assert (rule.category, rule.attempts) == (C.RECOVERABLE, attempts)


def test_first_rule_of_the_provider_wins() -> None:
    """Order is meaning: the narrow rule stands before the wide one, both before the defaults."""
    rules = (ErrorRule(C.QUOTA, status=403, code="spent"), ErrorRule(C.THROTTLED, status=403))

    assert categorize(StatusError("x", status=403, codes=("spent",)), rules) is rules[0]
    assert categorize(StatusError("x", status=403, codes=("other",)), rules) is rules[1]
    assert categorize(StatusError("x", status=401), rules).category is C.ACCOUNT


@pytest.mark.parametrize(
    ("error", "matches"),
    [
        (StatusError("x", status=429, codes=("a", "b"), body="Limit PER DAY spent"), True),
        (StatusError("x", status=403, codes=("a", "b"), body="per day"), False),
        (StatusError("x", status=429, codes=("a", "bb"), body="per day"), False),
        (StatusError("x", status=429, codes=("b",), body="per minute"), False),
        (StatusError("x", status=429), False),
        (TransportError("per day"), False),
    ],
)
def test_rule_matches_only_when_every_condition_holds(error: ProviderError, matches: bool) -> None:
    """Codes are compared whole, the pattern ignores case and looks at the body only."""
    rule = ErrorRule(C.QUOTA, status=429, code="b", pattern="per day")

    assert rule.matches(error) is matches


def test_rule_without_conditions_matches_everything() -> None:
    """A last rule of a provider can replace all the defaults."""
    assert categorize(TransportError("x"), (ErrorRule(C.DEGRADED),)).category is C.DEGRADED
