"""The ledger: what every provider was asked, what it sold and what it charged."""

import time
from collections import deque
from collections.abc import Iterable

WINDOW_SECONDS = 1.0


class Tally:
    """One provider's page of the ledger."""

    def __init__(self) -> None:
        self.calls = self.units = self.units_unanswered = 0
        self.in_flight = self.peak_concurrency = self.peak_per_second = 0
        self.faults_injected = self.over_limit = self.abandoned = 0
        self.purchases: dict[str, int] = {}
        self.charges: dict[str, int] = {}
        self._arrivals: deque[float] = deque()

    def arrive(self) -> int:
        """A call begins. Its ordinal, from 1."""
        self.calls += 1
        self.in_flight += 1
        self.peak_concurrency = max(self.peak_concurrency, self.in_flight)
        now = time.monotonic()
        arrivals = self._arrivals
        arrivals.append(now)
        while arrivals[0] <= now - WINDOW_SECONDS:
            arrivals.popleft()
        self.peak_per_second = max(self.peak_per_second, len(arrivals))
        return self.calls

    def depart(self) -> None:
        """A call ends, answered or not."""
        self.in_flight -= 1

    def charge(self, units: int, request_id: str) -> None:
        """Units are charged; until `deliver` they count as paid without an answer. The caller may have named its request."""
        self.units += units
        if request_id:
            self.charges[request_id] = self.charges.get(request_id, 0) + units
        self.units_unanswered += units

    def deliver(self, units: int, subjects: tuple[str, ...]) -> None:
        """The answer that cost `units` was sent entire and sold these subjects."""
        self.units_unanswered -= units
        purchases = self.purchases
        for subject in subjects:
            purchases[subject] = purchases.get(subject, 0) + 1

    def page(self, *, detail: str) -> dict[str, object]:
        """The figures as JSON values. "subjects" adds how often each was bought, "requests" what each was charged."""
        bought = len(self.purchases)
        page: dict[str, object] = {
            "calls": self.calls,
            "subjects": bought,
            "repeated_subjects": sum(self.purchases.values()) - bought,
            "units": self.units,
            "units_unanswered": self.units_unanswered,
            "peak_concurrency": self.peak_concurrency,
            "peak_per_second": self.peak_per_second,
            "faults_injected": self.faults_injected,
            "over_limit": self.over_limit,
            "abandoned": self.abandoned,
        }
        details: dict[str, dict[str, object]] = {
            "subjects": {"purchases": self.purchases},
            "requests": {"charges": self.charges},
        }
        return page | details.get(detail, {})


class Ledger:
    """All pages. A call in flight during a reset still departs from the page it arrived on."""

    def __init__(self, providers: Iterable[str]) -> None:
        self.tallies = {name: Tally() for name in providers}

    def reset(self) -> None:
        """Start empty pages."""
        self.tallies = {name: Tally() for name in self.tallies}

    def pages(self, *, detail: str) -> dict[str, dict[str, object]]:
        """Every provider's page."""
        return {name: tally.page(detail=detail) for name, tally in self.tallies.items()}
