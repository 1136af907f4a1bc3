"""Identity of a fact: the same want has the same key, another want never has."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.facts import fact_key

PARAMS = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5))
WANTS = st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), PARAMS)


@given(st.text(), PARAMS)
def test_order_of_parameters_does_not_matter(subject: str, params: dict[str, object]) -> None:
    """Otherwise a change of code order would buy everything again."""
    turned = dict(reversed(params.items()))

    assert fact_key("p", "e", subject, params) == fact_key("p", "e", subject, turned)


@given(WANTS, WANTS)
def test_wants_share_a_key_only_when_they_are_equal(
    a: tuple[str, str, str, dict[str, object]], b: tuple[str, str, str, dict[str, object]]
) -> None:
    """No separator inside a name or subject can imitate another want."""
    alike = repr(a[:3]) == repr(b[:3]) and sorted(map(repr, a[3].items())) == sorted(map(repr, b[3].items()))

    assert (fact_key(*a) == fact_key(*b)) == alike


def test_key_is_a_uuid_and_stays_the_same_over_versions() -> None:
    """What was paid for under an older version must be found again: this text never changes."""
    key = fact_key("scale_serp", "search", '["a","US","organic"]', {"pages": 2, "gl": "us"})

    assert key == str(uuid.UUID(key))
    assert key == "6349c3fb-189d-1f3b-873e-5c59b40a8f94"


@pytest.mark.parametrize("subject", ["", "\x00", "ü", "\ud800", "a" * 100_000])
def test_any_subject_has_a_key(subject: str) -> None:
    """A strange subject is refused elsewhere, with a better reason than a crash here."""
    assert uuid.UUID(fact_key("p", "e", subject, {}))
