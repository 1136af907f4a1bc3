"""The metrics of one provider's calls, with their labels bound once: looking them up costs more than counting."""

from prometheus_client import Counter

from shared import metrics
from shared.domain.provider import Provider


class Meter:
    """Counts the calls of this process."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._requests: dict[str, Counter] = {}
        self._duration = metrics.PROVIDER_DURATION.labels(provider.name)
        self._units = metrics.PROVIDER_UNITS.labels(provider.name, provider.unit)
        self.from_store = metrics.FACTS_FROM_STORE.labels(provider.name)
        self.gate_wait = metrics.GATE_WAIT.labels(provider.name)
        self.in_flight = metrics.CALLS_IN_FLIGHT.labels(provider.name)

    def ended(self, outcome: str, duration_seconds: float, units: float | None) -> None:
        """A call ended: ok, or with this error category. Unknown units are not counted."""
        counter = self._requests.get(outcome)
        if counter is None:
            counter = self._requests[outcome] = metrics.PROVIDER_REQUESTS.labels(self._provider.name, outcome)
        counter.inc()
        self._duration.observe(duration_seconds)
        if units:
            self._units.inc(units)
