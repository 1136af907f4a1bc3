"""Patterns somebody types in: what can take long is refused, and what is not refused is quick."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.pattern import MOST_WAYS, PATTERN_LENGTH, TEXT_LENGTH, check_pattern
from shared.runtime.http import ERROR_BODY

#: Far above what a pattern that is allowed needs, far below what one that is refused does. Seconds.
QUICK_SECONDS = 5.0


@pytest.mark.parametrize(
    "pattern",
    [
        "per day",
        r'"error":\s*"',
        r"per day|\((?:RPD|TPD)\)",
        r"Retry in (?:[3-9]|[1-9]\d)\d\d",
        ".*x",
        "[a-z]{1,40} of [0-9]{1,40}",
        "(?:ab)*c",
        "(?<!un)paid",
        "(?i:A)b",
        "^$",
    ],
)
def test_what_is_written_for_errors_is_allowed(pattern: str) -> None:
    """Words, choices, one repetition without end."""
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+$",
        "(.*)*x",
        ".*a.*b",
        r"\s*x\s*y",
        "(?:a{1,9}){1,9}b",
        "(?:a?){40}a{40}",
        r"(a)\1+\1*",
        "((a{1,30}){1,30}){1,30}",
        "(?=(a+)+)b",
        r"(x)(?(1)y*|z)",
    ],
)
def test_what_can_take_long_is_refused(pattern: str) -> None:
    """Whatever its disguise; references to groups, whose cost is not known, too."""
    with pytest.raises(ValueError, match="could take very long"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a{2,1}", "*", "(?P<n>a)(?P<n>b)", r"\1", "(?<=a*)b", "(" * 250]
)
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    """With the parser's own word for it."""
    with pytest.raises(ValueError, match="is no regular expression"):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", "a" * (PATTERN_LENGTH + 1), "a\0", "a\n", "\ud800"])
def test_length_and_characters_have_bounds(pattern: str) -> None:
    """An empty one would match everything; what is not printable is written as an escape."""
    with pytest.raises(ValueError, match="characters"):
        check_pattern(pattern)


def test_the_text_is_as_long_as_what_rules_look_at() -> None:
    """Else the bound would be of something else."""
    assert TEXT_LENGTH == ERROR_BODY
    assert MOST_WAYS > TEXT_LENGTH


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", r"\w"])
_REPEATS = st.sampled_from(["*", "+", "?", "{0,9}", "{2,5}", "*?", "{3,}"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, _REPEATS).map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(_PATTERNS, st.sampled_from(["a", "ab", "aab"]))
def test_what_is_allowed_is_quick(pattern: str, text: str) -> None:
    """On texts that nearly match, which are the worst."""
    pattern = f"(?:{pattern})z"
    try:
        check_pattern(pattern)
    except ValueError:
        return
    began = time.perf_counter()
    re.search(pattern, (text * TEXT_LENGTH)[:TEXT_LENGTH], re.IGNORECASE)
    assert time.perf_counter() - began < QUICK_SECONDS
