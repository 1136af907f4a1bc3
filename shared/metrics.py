"""Every metric of a worker, with its kind and meaning. Label values are bounded."""

from prometheus_client import Counter, Gauge, Histogram

#: Seconds; the tail is there for language models.
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

#: Calls by outcome: ok, or the error's category.
PROVIDER_REQUESTS = Counter(
    "landscape_provider_requests_total", "Calls that ended, by outcome", ["provider", "outcome"]
)
#: From admission to the whole answer.
PROVIDER_DURATION = Histogram(
    "landscape_provider_request_duration_seconds", "Duration of a call", ["provider"], buckets=CALL_BUCKETS
)
#: Units the provider charges, as its answers or its price list say.
PROVIDER_UNITS = Counter("landscape_provider_cost_units_total", "Units charged", ["provider", "unit"])
#: Facts that were needed and came from the store.
FACTS_FROM_STORE = Counter("landscape_facts_from_store_total", "Facts answered without a call", ["provider"])
#: Time calls wait for admission.
GATE_WAIT = Histogram(
    "landscape_ratelimit_wait_seconds",
    "Wait for admission",
    ["provider"],
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10),
)
#: Calls between admission and answer, in this process.
CALLS_IN_FLIGHT = Gauge("landscape_calls_in_flight", "Calls in flight in this process", ["provider"])
#: Items by what became of a try: completed, failed, skipped, or the reason of a wait.
ITEMS = Counter("landscape_items_total", "Items whose processing ended, by outcome", ["phase", "outcome"])
#: Leases found expired: their holder died or hung.
LEASES_EXPIRED = Counter("landscape_leases_expired_total", "Leases found expired", ["service"])
#: Messages sent, and sent again because nobody claimed the job.
DISPATCHED = Counter("landscape_dispatched_total", "Messages sent", ["service", "again"])
#: Jobs given up on and neither replayed nor discarded; up to 10,000, as the leader sees it.
DEAD_LETTERS = Gauge("landscape_dead_letters", "Open dead letters", ["service"])
#: As this process has last heard of it.
BREAKER_STATE = Gauge("landscape_breaker_state", "0 closed, 1 half open, 2 open", ["provider"])
#: Counted once, by the process that wrote the change down.
BREAKER_CHANGES = Counter(
    "landscape_breaker_changes_total", "Changes of a breaker's state", ["provider", "state"]
)
#: 1 on the process that holds the service's leader lease.
LEADER = Gauge("landscape_leader", "1 while this process leads its service", ["service"])
#: Outcomes per transaction of the recorder.
RECORDED = Histogram(
    "landscape_recorded_batch",
    "Outcomes per transaction",
    ["service"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 200, 300),
)
#: 1 while the process can work: stores reachable, loop alive.
READY = Gauge("landscape_ready", "1 while this worker is ready", ["service"])
