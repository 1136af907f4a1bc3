"""The metrics of one provider's calls, with their labels bound once: looking them up costs more than counting."""

from prometheus_client import Counter

from shared import metrics
from shared.domain.category import ErrorCategory
from shared.domain.provider import Provider
from shared.domain.service_health import OK
from shared.runtime.service_health import Tally

#: What a call may come to, whose series are there from the beginning.
OUTCOMES = (OK, *ErrorCategory)


class Meter:
    """Counts the calls of this process."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._requests: dict[str, Counter] = {}
        for outcome in OUTCOMES:
            self._counter(outcome)
        self._duration = metrics.PROVIDER_DURATION.labels(provider.name)
        self._timeouts = metrics.PROVIDER_TIMEOUTS.labels(provider.name)
        self._units = metrics.PROVIDER_UNITS.labels(provider.name, provider.unit)
        self.from_store = metrics.FACTS_FROM_STORE.labels(provider.name)
        self.gate_wait = metrics.GATE_WAIT.labels(provider.name)
        self.in_flight = metrics.CALLS_IN_FLIGHT.labels(provider.name)
        self.rejected = metrics.BREAKER_REJECTED.labels(provider.name)
        self.tally = Tally()
        """The same by the minute, for the record."""
        self.calls = 0
        """That have ended."""

    def ended(
        self, outcome: str, duration_seconds: float, units: float | None, *, timed_out: bool = False
    ) -> None:
        """A call ended: ok, or with this error category. Unknown units are not counted."""
        self.calls += 1
        self._counter(outcome).inc()
        self._duration.observe(duration_seconds)
        if timed_out:
            self._timeouts.inc()
        if units:
            self._units.inc(units)
        self.tally.add(outcome, duration_seconds, timed_out=timed_out)

    def _counter(self, outcome: str) -> Counter:
        counter = self._requests.get(outcome)
        if counter is None:
            counter = self._requests[outcome] = metrics.PROVIDER_REQUESTS.labels(self._provider.name, outcome)
        return counter
