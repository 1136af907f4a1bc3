"""Retry policies: how long until the next attempt, and when there is none."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.retry import RetryPolicy, Strategy

STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["exponential", "linear", "constant"])
SHARES = st.floats(0, 1, exclude_max=True)


@st.composite
def policies(draw: st.DrawFn) -> RetryPolicy:
    base = draw(st.floats(0, 1e6))
    return RetryPolicy(
        attempts=draw(st.integers(1, 100)),
        strategy=draw(STRATEGIES),
        base_seconds=base,
        cap_seconds=base + draw(st.floats(0, 1e6)),
        jitter=draw(st.floats(0, 1)),
    )


@given(policies(), st.integers(1, 10_000), SHARES)
def test_delay_is_between_zero_and_the_cap(policy: RetryPolicy, attempt: int, share: float) -> None:
    """However late the attempt, no overflow and no wait above the cap."""
    delay = replace(policy, attempts=10_001).delay(attempt, random=lambda: share)

    assert delay is not None
    assert 0 <= delay <= policy.cap_seconds


@given(policies(), st.integers(1, 200), SHARES)
def test_none_is_left_exactly_when_the_attempts_are_used(
    policy: RetryPolicy, attempt: int, share: float
) -> None:
    """Four attempts have three waits between them."""
    assert (policy.delay(attempt, random=lambda: share) is None) == (attempt >= policy.attempts)


@given(policies(), st.integers(1, 50), SHARES)
def test_jitter_only_shortens(policy: RetryPolicy, attempt: int, share: float) -> None:
    """Random waits are spread below what the strategy says, and by no more than the jitter's share."""
    policy = replace(policy, attempts=100)
    full = policy.delay(attempt, random=lambda: 0.0)
    spread = policy.delay(attempt, random=lambda: share)

    assert full is not None
    assert spread is not None
    assert full * (1 - policy.jitter) <= spread * (1 + 1e-9) <= full * (1 + 1e-8)


@given(policies(), st.integers(1, 50), SHARES, st.floats(0, 1e9))
def test_told_delay_is_a_floor_even_above_the_cap(
    policy: RetryPolicy, attempt: int, share: float, told: float
) -> None:
    """Who comes back earlier than told is refused again."""
    policy = replace(policy, attempts=100)
    own = policy.delay(attempt, random=lambda: share)
    delay = policy.delay(attempt, random=lambda: share, retry_after=told)

    assert own is not None
    assert delay == max(own, told)


@given(policies(), SHARES)
def test_waits_never_shrink_from_attempt_to_attempt(policy: RetryPolicy, share: float) -> None:
    """A provider in trouble is asked less and less often."""
    policy = replace(policy, attempts=100)
    waits = [policy.delay(n, random=lambda: share) for n in range(1, 40)]

    assert all(a is not None and b is not None and a <= b for a, b in itertools.pairwise(waits))


@pytest.mark.parametrize(
    ("strategy", "waits"),
    [
        ("exponential", [2.0, 4.0, 8.0, 10.0, None]),
        ("linear", [2.0, 4.0, 6.0, 8.0, None]),
        ("constant", [2.0, 2.0, 2.0, 2.0, None]),
        ("none", [None, None, None, None, None]),
    ],
)
def test_strategies(strategy: Strategy, waits: list[float | None]) -> None:
    """The four curves, capped at ten seconds."""
    policy = RetryPolicy(5, strategy, base_seconds=2.0, cap_seconds=10.0, jitter=0.0)

    assert [policy.delay(n, random=lambda: 0.5) for n in range(1, 6)] == waits


@given(policies(), st.integers(1, 200), st.floats(0, 1e9), SHARES)
def test_none_never_tries_again(policy: RetryPolicy, attempt: int, told: float, share: float) -> None:
    """Not even when the provider says when to come back."""
    delay = replace(policy, strategy="none").delay(attempt, random=lambda: share, retry_after=told)

    assert delay is None


@given(policies(), st.integers(3, 50))
def test_constant_is_never_longer_than_linear_nor_linear_than_exponential(
    policy: RetryPolicy, number: int
) -> None:
    """Each strategy at least as patient as the one before it, from the third wait on."""
    policy = replace(policy, attempts=200, jitter=0.0)
    constant, linear, exponential = (
        replace(policy, strategy=strategy).delay(number, random=lambda: 0.0)
        for strategy in ("constant", "linear", "exponential")
    )

    assert constant is not None
    assert linear is not None
    assert exponential is not None
    assert constant <= linear <= exponential <= policy.cap_seconds


@given(policies(), policies(), st.integers(1, 200), SHARES)
def test_what_a_rule_says_goes_before_the_policy(
    general: RetryPolicy, own: RetryPolicy, attempt: int, share: float
) -> None:
    """All of it: then nothing of the provider's policy is left but the jitter."""
    rule = ErrorRule(
        ErrorCategory.RECOVERABLE,
        attempts=own.attempts,
        strategy=own.strategy,
        base_seconds=own.base_seconds,
        cap_seconds=own.cap_seconds,
    )

    assert rule.policy(general) == replace(own, jitter=general.jitter)
    assert ErrorRule(ErrorCategory.RECOVERABLE).policy(general) == general


def test_a_rule_may_have_fewer_attempts_than_the_policy() -> None:
    """What rarely passes is not paid for five times."""
    policy = ErrorRule(ErrorCategory.RECOVERABLE, attempts=2).policy(RetryPolicy(attempts=5, jitter=0.0))

    assert policy.delay(1, random=lambda: 0.0) is not None
    assert policy.delay(2, random=lambda: 0.0) is None


def test_a_rule_whose_delays_contradict_the_policy_is_refused() -> None:
    """A shortest delay above the longest."""
    with pytest.raises(ValueError, match="base_seconds <= cap_seconds"):
        ErrorRule(ErrorCategory.RECOVERABLE, base_seconds=10.0).policy(RetryPolicy(cap_seconds=5.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"base_seconds": -1.0},
        {"base_seconds": 10.0, "cap_seconds": 5.0},
        {"jitter": -0.1},
        {"jitter": 1.1},
    ],
)
def test_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    """It fails where it is declared, not at the first error."""
    with pytest.raises(ValueError, match=r"retry policy|jitter"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # one field at a time, of either type
