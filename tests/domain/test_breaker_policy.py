"""What operators may set of a breaker's policy: field by field, and always a policy that can work."""

from dataclasses import asdict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.breaker import BreakerPolicy
from shared.domain.breaker_policy import PolicyEdits, as_fields, edited

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "failure_threshold": st.integers(1, 100_000),
    "success_threshold": st.integers(1, 100_000),
    "timeout_seconds": st.floats(0.1, 86_400),
    "window_seconds": st.floats(1, 3600),
    "failure_share": st.floats(0.01, 1),
    "probes": st.integers(1, 1000),
    "slow_seconds": st.floats(0, 3600),
}


def test_every_field_of_a_policy_can_be_set() -> None:
    """None was forgotten."""
    assert list(PolicyEdits.__struct_fields__) == list(FIELDS)
    assert set(FIELDS) == set(asdict(BreakerPolicy()))


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_what_is_set_holds_and_the_rest_is_as_configured(fields: dict[str, Any]) -> None:
    """Also after it was written down and read."""
    configured = BreakerPolicy(7, 70.0, 3)
    edits = msgspec.convert(fields, PolicyEdits)
    assert as_fields(edits) == fields
    assert msgspec.json.decode(msgspec.json.encode(edits), type=PolicyEdits) == edits
    assert asdict(edited(configured, edits)) == asdict(configured) | fields


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"success_threshold": 1.5},
        {"timeout_seconds": 0},
        {"window_seconds": 0.5},
        {"failure_share": 0},
        {"failure_share": 1.01},
        {"probes": 0},
        {"slow_seconds": -1},
    ],
)
def test_what_could_not_work_is_refused(wrong: dict[str, float]) -> None:
    """By the same bounds that the API's description tells."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, PolicyEdits)
