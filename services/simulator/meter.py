"""The limits a provider enforces on its caller: rate, concurrency and the day's allowance."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.simulator.port import Account
from services.simulator.settings import Limits


class Meter:
    """What one account has used. Units are metered with or without a limit."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._used = 0
        self._day_ends = 0.0
        self._tokens: float | None = None
        self._filled_at = 0.0

    def over_rate(self, limits: Limits, in_flight: int) -> bool:
        """Whether this call, already counted in `in_flight`, is one too many. Takes a token if it is not."""
        if limits.concurrency is not None and in_flight > limits.concurrency:
            return True
        rate = limits.requests_per_second
        if rate is None:
            return False
        size = max(rate, 1.0)
        now = time.monotonic()
        filled = size if self._tokens is None else self._tokens + (now - self._filled_at) * rate
        self._tokens, self._filled_at = min(size, filled), now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    def account(self, limits: Limits) -> Account:
        """Units used today, and the allowance."""
        now = time.time()
        if now >= self._day_ends:
            self._used, self._day_ends = 0, self._next_midnight(now)
        return Account(self._used, limits.daily_units)

    def charge(self, units: int) -> None:
        """Add to what was used today."""
        self._used += units

    def _next_midnight(self, now: float) -> float:
        today = datetime.fromtimestamp(now, self._zone)
        return (today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).timestamp()
