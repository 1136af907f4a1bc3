"""Error rules as data: what every provider declares survives the way to a row and back."""

import importlib
from dataclasses import replace
from typing import get_args

import pytest

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.error_rule import STEP, Category, RuleData, contradictions, declared, in_force
from shared.domain.phases import SERVICES
from shared.domain.provider import Provider
from shared.testing.provider import ScriptedProvider

C = ErrorCategory

each_service = pytest.mark.parametrize("service", SERVICES)


def provider_of(service: str) -> Provider:
    provider: Provider = importlib.import_module(f"services.{service}.provider").PROVIDER
    return provider


def plain(rule: ErrorRule) -> ErrorRule:
    """Without what may be left to the provider's policy."""
    return replace(rule, attempts=None, strategy=None, base_seconds=None, cap_seconds=None, alert=None)


def test_every_category_can_be_written() -> None:
    """The API's names are the runtime's."""
    assert set(get_args(Category)) == {category.value for category in C}


@each_service
def test_declared_rules_come_back_as_they_were(service: str) -> None:
    """In their order, with the delays of the provider's policy written out."""
    provider = provider_of(service)
    rules = declared(provider)

    back = in_force(list(rules.values()))

    assert len(back) == len(provider.errors)
    for rule, original in zip(back, provider.errors, strict=True):
        assert rule.policy(provider.retry) == original.policy(provider.retry)
        assert rule.alerts == original.alerts == (original.category is C.ACCOUNT)
        assert plain(rule) == plain(original)


@each_service
def test_what_a_provider_declares_could_have_been_typed_in(service: str) -> None:
    """No contradiction, no pattern that may take long."""
    assert [
        contradictions(data) for data in declared(provider_of(service)).values() if contradictions(data)
    ] == []


def test_ids_follow_conditions_and_not_places() -> None:
    """A rule that a new version declares in front of the others must not inherit an edit of theirs."""
    first, second, new = (ErrorRule(C.ACCOUNT, status=status) for status in (401, 402, 403))
    before = declared(ScriptedProvider(errors=(first, second)).provider)

    after = declared(ScriptedProvider(errors=(new, first, second)).provider)

    assert list(after)[1:] == list(before)
    assert [data.ordinal for data in after.values()] == [STEP, 2 * STEP, 3 * STEP]


def test_of_two_rules_with_the_same_conditions_the_first_counts() -> None:
    """The second could never match."""
    twice = (ErrorRule(C.ACCOUNT, status=401), ErrorRule(C.THROTTLED, status=401))

    assert [data.category for data in declared(ScriptedProvider(errors=twice).provider).values()] == [
        "account"
    ]


def test_rules_are_in_force_by_ordinal_unless_disabled() -> None:
    """Whatever order they are given in."""
    rules = [
        RuleData(ordinal=20, status=500, category="recoverable"),
        RuleData(ordinal=10, status=500, category="account", enabled=False),
        RuleData(ordinal=5, status=500, category="quota"),
    ]

    assert [rule.category for rule in in_force(rules)] == [C.QUOTA, C.RECOVERABLE]


@pytest.mark.parametrize(
    ("rule", "pointers"),
    [
        (RuleData(status=500, category="recoverable", base_seconds=9, cap_seconds=8), ["/cap_seconds"]),
        (RuleData(category="recoverable"), [""]),
        (RuleData(code="x", category="throttled", until="midnight_pacific"), ["/until"]),
        (RuleData(pattern="x", category="quota", until="midnight_pacific"), []),
    ],
)
def test_fields_may_contradict_each_other(rule: RuleData, pointers: list[str]) -> None:
    """Each is right by itself."""
    assert [problem.pointer for problem in contradictions(rule)] == pointers


def test_a_pattern_that_got_past_the_checks_is_found_when_the_rule_is_used() -> None:
    """As a ValueError, before any error is held against it."""
    with pytest.raises(ValueError, match="could take very long"):
        RuleData(pattern="(a+)+b", category="account").rule()
