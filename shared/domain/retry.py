"""When a failed item is tried again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Strategy = Literal["exponential", "linear", "constant", "none"]
"""How delays grow from attempt to attempt; with "none" there is no second one."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays between the attempts of an item. Seconds."""

    attempts: int = 4
    """Tries in all, the first included."""
    strategy: Strategy = "exponential"
    base_seconds: float = 1.0
    cap_seconds: float = 300.0
    jitter: float = 0.25
    """Share of the delay that is random, taken off it: waits never exceed what the strategy says."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.base_seconds < 0 or self.cap_seconds < self.base_seconds:
            raise ValueError("a retry policy needs attempts >= 1 and 0 <= base_seconds <= cap_seconds")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter is a share between 0 and 1")

    def delay(
        self,
        attempt: int,
        *,
        random: Callable[[], float],
        retry_after: float | None = None,
    ) -> float | None:
        """Seconds before attempt `attempt + 1`, or None when there is none left.

        `attempt` counts from 1. A provider's `retry_after` is a floor. `random` gives floats in [0, 1).
        """
        if self.strategy == "none" or attempt >= self.attempts:
            return None
        # 2 ** 60 is beyond every cap; a larger power would overflow.
        factor = {"exponential": 2.0 ** min(attempt - 1, 60), "linear": float(attempt)}.get(
            self.strategy, 1.0
        )
        delay = min(self.cap_seconds, self.base_seconds * factor)
        delay -= delay * self.jitter * random()
        return max(delay, retry_after or 0.0)
