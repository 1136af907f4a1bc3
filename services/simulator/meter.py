"""The limits a provider enforces on its caller: rate, concurrency and the day's allowance."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.simulator.port import Account, Gauge
from services.simulator.settings import Limits


class Bucket:
    """Refills evenly up to a size that may change; full at the start."""

    def __init__(self) -> None:
        self.level: float | None = None
        self._filled_at = 0.0

    def fill(self, size: float, per_second: float) -> float:
        """The level now."""
        now = time.monotonic()
        filled = size if self.level is None else self.level + (now - self._filled_at) * per_second
        self.level, self._filled_at = min(size, filled), now
        return self.level

    def take(self, amount: float, size: float, per_second: float) -> bool:
        """Take the amount if there is as much."""
        level = self.fill(size, per_second)
        if level >= amount:
            self.level = level - amount
        return level >= amount


class Meter:
    """What one account has used. Units are metered with or without a limit."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._used = 0
        self._day_ends = 0.0
        self._second, self._requests, self._tokens = Bucket(), Bucket(), Bucket()

    def over_rate(self, limits: Limits, in_flight: int) -> bool:
        """Whether this call, already counted in `in_flight`, is one too many. Takes a token if it is not."""
        if limits.concurrency is not None and in_flight > limits.concurrency:
            return True
        rate = limits.requests_per_second
        if rate is None:
            return False
        return not self._second.take(1, max(rate, 1.0), rate)

    def over_minute(self, limits: Limits, tokens: int) -> str:
        """The limit per minute, by its name in Limits, that a call of so many tokens is too much for; else ""."""
        for name, limit, bucket, amount in (
            ("requests_per_minute", limits.requests_per_minute, self._requests, 1),
            ("tokens_per_minute", limits.tokens_per_minute, self._tokens, tokens),
        ):
            if limit is not None and not bucket.take(amount, limit, limit / 60):
                return name
        return ""

    def account(self, limits: Limits, in_flight: int) -> Account:
        """Units used today, the allowance, and the state of the other limits."""
        now = time.time()
        if now >= self._day_ends:
            self._used, self._day_ends = 0, self._next_midnight(now)
        return Account(
            self._used,
            limits.daily_units,
            in_flight,
            limits.concurrency,
            _gauge(self._requests, limits.requests_per_minute),
            _gauge(self._tokens, limits.tokens_per_minute),
        )

    def charge(self, units: int) -> None:
        """Add to what was used today."""
        self._used += units

    def _next_midnight(self, now: float) -> float:
        today = datetime.fromtimestamp(now, self._zone)
        return (today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).timestamp()


def _gauge(bucket: Bucket, limit: int | None) -> Gauge | None:
    if limit is None:
        return None
    level = bucket.fill(limit, limit / 60)
    return Gauge(limit, int(level), (limit - level) * 60 / limit)
