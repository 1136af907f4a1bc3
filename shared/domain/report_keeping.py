"""When a report that was computed before still answers."""

from datetime import datetime
from typing import Final

#: A report that is made faster than this is made for whoever asks.
LONG_SECONDS: Final = 1.0
#: While its pipeline works, a long one is made again at most this often: for so many times the seconds it takes, it is read as it is.
SPACING: Final = 10


def answers(*, same: bool, ended: bool, seconds: float, made_at: datetime, now: datetime) -> bool:
    """Whether a kept report is served; it says itself when it was made.

    `same`: nothing it rests on has changed. Otherwise it only stands in while its pipeline works, when making it took
    `seconds` that readers should not all wait for.
    """
    if same:
        return True
    if ended or seconds < LONG_SECONDS:
        return False
    return (now - made_at).total_seconds() < SPACING * seconds
