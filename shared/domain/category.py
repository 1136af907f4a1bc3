"""What an error means for the item: which category a provider's answer falls into."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shared.errors import AnswerError, ProviderError, TransportError


class ErrorCategory(StrEnum):
    """How the runtime treats an error."""

    RECOVERABLE = "recoverable"
    """Try again after the retry policy's delay; spends an attempt."""
    THROTTLED = "throttled"
    """Too fast: wait as told; spends no attempt."""
    QUOTA = "quota"
    """Nothing more until a known moment; spends no attempt."""
    ACCOUNT = "account"
    """Key, credit or permission: every call would fail alike; spends no attempt."""
    DEGRADED = "degraded"
    """Usable, but marked as less than asked for."""
    NON_RECOVERABLE = "non_recoverable"
    """This item will never work; it fails."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """Maps an error to a category. Every condition given must hold; the first matching rule wins."""

    category: ErrorCategory
    status: int | None = None
    """HTTP status."""
    code: str | None = None
    """One of the provider's error codes, compared whole."""
    pattern: str | None = None
    """Regular expression searched in the start of the body, ignoring case."""
    attempts: int | None = None
    """Attempts for this error instead of the policy's."""
    whole: bool = False
    """The request is wrong whoever it asks for: no item of it is to blame more than the others."""
    until: Literal["midnight_pacific"] | None = None
    """The known moment a quota comes back, when the answer itself does not say it."""

    def matches(self, error: ProviderError) -> bool:
        """Whether every condition of this rule holds for the error."""
        return (
            (self.status is None or self.status == error.status)
            and (self.code is None or self.code in error.codes)
            and (self.pattern is None or re.search(self.pattern, error.body, re.IGNORECASE) is not None)
        )


_R, _N, _A, _T = (
    ErrorCategory.RECOVERABLE,
    ErrorCategory.NON_RECOVERABLE,
    ErrorCategory.ACCOUNT,
    ErrorCategory.THROTTLED,
)

#: What holds where a provider's own rules say nothing. Codes of an AnswerError: `malformed` has the
#: wrong shape, which rarely passes by itself; `unreadable` was cut off or is another format.
DEFAULT_RULES = (
    ErrorRule(_R, code="malformed", attempts=2),
    ErrorRule(_T, status=429),
    *(ErrorRule(_A, status=s) for s in (401, 402, 403)),
    *(ErrorRule(_R, status=s) for s in (408, 409, 425)),
)


def categorize(error: ProviderError, rules: tuple[ErrorRule, ...]) -> ErrorRule:
    """The first of the provider's rules, then of the default ones, that matches.

    Beyond both: no answer, a useless one and 5xx are recoverable, any other status is not.
    """
    for rule in (*rules, *DEFAULT_RULES):
        if rule.matches(error):
            return rule
    if isinstance(error, TransportError | AnswerError) or error.status is None or error.status >= 500:
        return ErrorRule(_R)
    return ErrorRule(_N)
