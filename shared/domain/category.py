"""What an error means for the item: which category a provider's answer falls into."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from shared.domain.retry import RetryPolicy, Strategy
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


Until = Literal["midnight_pacific"]
"""Moments at which a quota comes back."""


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
    """Attempts for this error instead of the policy's, as the three below."""
    strategy: Strategy | None = None
    base_seconds: float | None = None
    cap_seconds: float | None = None
    whole: bool = False
    """The request is wrong whoever it asks for: no item of it is to blame more than the others."""
    until: Until | None = None
    """The known moment a quota comes back, when the answer itself does not say it."""
    trips: bool = True
    """If recoverable: it is the provider's own fault, and many of them open its breaker."""
    alert: bool | None = None
    """Somebody should know at once. None: of an account error only, for nothing but a person ends it."""
    dead_letter: bool = True
    """An item whose attempts are used up by it can be replayed from the dead letters."""

    @property
    def is_fault(self) -> bool:
        """The provider itself has failed; not the request, the account, or the site a request was about."""
        return self.category is ErrorCategory.RECOVERABLE and self.trips

    def matches(self, error: ProviderError) -> bool:
        """Whether every condition of this rule holds for the error."""
        return (
            (self.status is None or self.status == error.status)
            and (self.code is None or self.code in error.codes)
            and (self.pattern is None or re.search(self.pattern, error.body, re.IGNORECASE) is not None)
        )

    @property
    def alerts(self) -> bool:
        """Whether somebody should know at once."""
        return self.category is ErrorCategory.ACCOUNT if self.alert is None else self.alert

    def policy(self, general: RetryPolicy) -> RetryPolicy:
        """The provider's retry policy with what this rule says instead. Raises ValueError when that makes no sense."""
        return replace(
            general,
            attempts=general.attempts if self.attempts is None else self.attempts,
            strategy=self.strategy or general.strategy,
            base_seconds=general.base_seconds if self.base_seconds is None else self.base_seconds,
            cap_seconds=general.cap_seconds if self.cap_seconds is None else self.cap_seconds,
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
    ErrorRule(_R, code="malformed", attempts=2, trips=False),
    ErrorRule(_T, status=429),
    *(ErrorRule(_A, status=s) for s in (401, 402, 403)),
    ErrorRule(_R, status=408),
    *(ErrorRule(_R, status=s, trips=False) for s in (409, 425)),
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
