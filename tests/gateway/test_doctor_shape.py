"""The doctor's comparison of answers, and what it hides."""

from typing import Any

import pytest

from services.gateway.doctor import shape
from services.gateway.doctor.finding import Finding, Verdict, hide, wrong

FIELDS = {
    "list[].id": "integer",
    "list[].share?": "number",
    "list[].tags?": "any",
    "account left": "string|null",
    "plan.name": "string",
}
GOOD = {"list": [{"id": 1, "share": 1, "tags": [{}]}, {"id": 2}], "account left": None, "plan": {"name": "x"}}


def test_answer_as_expected_has_no_difference() -> None:
    """Optional fields may be there or not, and a whole number is a number."""
    assert shape.compare(GOOD, FIELDS) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"plan": {}}, "missing plan.name: expected string"),
        ({"plan": {"name": 1}}, "changed plan.name: integer, expected string"),
        ({"plan": {"name": "x", "size": 1}}, "unknown plan.size: integer"),
        ({"plan": []}, "changed plan: array, expected object"),
        ({"account left": 1}, "changed account left: integer, expected null or string"),
        ({"list": []}, "empty   list: nothing in it to compare"),
        ({"list": {}}, "changed list: object, expected array"),
        ({"list": [{"id": True}, {"id": True}]}, "changed list[].id: boolean, expected integer"),
        ({"list": [{"id": 1.5}]}, "changed list[].id: number, expected integer"),
        ({"list": [{"id": 1}, {}]}, "missing list[].id: expected integer"),
    ],
)
def test_difference_is_told_once_with_its_place(change: dict[str, Any], says: str) -> None:
    """Whatever the elements of a list share is one difference; no value is repeated."""
    assert [str(one) for one in shape.compare(GOOD | change, FIELDS)] == [says]


def test_answer_that_is_something_else_is_one_difference() -> None:
    """Nothing below it can be compared."""
    assert [str(one) for one in shape.compare([], {"a": "string"})] == [
        "changed the answer: array, expected object"
    ]


def test_secrets_are_hidden_however_they_are_spelt() -> None:
    """Servers repeat what they were given: as text, in JSON, in an address."""
    secret = 'pass"word/+ä'
    spellings = ['pass"word/+ä', 'pass\\"word/+\\u00e4', "pass%22word%2F%2B%C3%A4"]
    found = hide(wrong("x", spellings[0], spellings[1]), [secret, ""])
    below = hide(Finding("x", Verdict.NOTE, "y", differences=(spellings[2],)), [secret])

    assert (found.detail, found.fix, below.differences) == ("***", "***", ("***",))
