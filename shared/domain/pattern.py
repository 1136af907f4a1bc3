"""Regular expressions somebody types in: refused when one could keep the event loop busy.

Python's matcher goes back and tries again. In how many ways a text of known length can be tried from one
place is computed from the parsed pattern; `(a+)+` and `.*x.*y` have too many.
"""

import re
from collections.abc import Sequence
from re import _constants, _parser  # type: ignore[attr-defined]  # no public name, and no other parser of this grammar
from typing import Any

#: Characters of a pattern.
PATTERN_LENGTH = 300
#: Characters of the text it is searched in: the start of an error's body.
TEXT_LENGTH = 2000
#: From one place, of which the text has TEXT_LENGTH: one repetition without end and a few choices.
MOST_WAYS = 4 * TEXT_LENGTH

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_SINGLES = (
    _constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN, _constants.AT, _constants.CATEGORY,
)  # fmt: skip


def check_pattern(pattern: str) -> None:
    """Raises ValueError, saying why, when the pattern is none or may take too long."""
    if not 1 <= len(pattern) <= PATTERN_LENGTH or not pattern.isprintable():
        raise ValueError(f"a pattern has 1 to {PATTERN_LENGTH} printable characters")
    try:
        ways = _ways(_parser.parse(pattern, re.IGNORECASE))
        re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if ways > MOST_WAYS:
        raise ValueError(
            "could take very long on some texts; repeat without end at most once, and not inside another repetition"
        )


def _ways(steps: Sequence[tuple[Any, Any]]) -> float:
    """Ways to match from one place, at the most; infinite where this cannot tell."""
    ways = 1.0
    for kind, argument in steps:
        ways *= _ways_of(kind, argument)
    return ways


def _ways_of(kind: Any, argument: Any) -> float:
    if kind in _SINGLES:
        return 1
    if kind in _REPEATS:
        least, most, repeated = argument
        return _repeated(_ways(repeated), int(least), min(int(most), TEXT_LENGTH))
    if kind is _constants.BRANCH:
        return sum(_ways(branch) for branch in argument[1])
    if kind is _constants.SUBPATTERN:
        return _ways(argument[-1])
    if kind in (_constants.ASSERT, _constants.ASSERT_NOT):
        return _ways(argument[1])
    return float("inf")


def _repeated(ways: float, least: int, most: int) -> float:
    """1, ways, ways², … added up from `least` to `most` repetitions."""
    total, power = 0.0, 1.0
    for n in range(most + 1):
        if n >= least:
            total += power
        if total > MOST_WAYS or power > MOST_WAYS:
            return float("inf")
        power *= ways
    return max(total, 1.0)
