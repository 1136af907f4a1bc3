"""Every metric of every process: name, kind, meaning, labels. Label values are bounded; no id is ever one."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily

from shared import VERSION

# When a series was first seen is what the server knows; it would double what is exposed.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types it not

#: Seconds of a call; the tail is there for language models.
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
#: Seconds of a wait for admission.
WAIT_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10)
#: Seconds a job or an item takes; both may wait in place for their provider.
WORK_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
#: Seconds of a pipeline: a minute to a week.
PIPELINE_BUCKETS = (60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600)
#: Seconds of a request to the gateway; starting a million searches takes about 15.
REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
#: Outcomes of one transaction.
BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 200, 300)


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge that the gateway reads from the record whenever it is scraped."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def gauge(self) -> GaugeMetricFamily:
        """Without samples yet."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels)


# Of workers. What is 0 until something happens is exposed as 0: a rate needs a first value to start from.
PROVIDER_REQUESTS = Counter(
    "landscape_provider_requests_total",
    "Calls that ended, by outcome: ok, the category of the error, or bug",
    ["provider", "outcome"],
)
PROVIDER_DURATION = Histogram(
    "landscape_provider_request_duration_seconds",
    "Duration of a call, from admission to the whole answer",
    ["provider"],
    buckets=CALL_BUCKETS,
)
PROVIDER_TIMEOUTS = Counter(
    "landscape_provider_timeouts_total", "Calls without a whole answer in time, ours or theirs", ["provider"]
)
PROVIDER_UNITS = Counter(
    "landscape_provider_cost_units_total",
    "Units charged, as the provider's answers or its price list say",
    ["provider", "unit"],
)
FACTS_FROM_STORE = Counter(
    "landscape_facts_from_store_total", "Facts that were needed and came from the store", ["provider"]
)
GATE_WAIT = Histogram(
    "landscape_ratelimit_wait_seconds", "Wait of a call for admission", ["provider"], buckets=WAIT_BUCKETS
)
CALLS_IN_FLIGHT = Gauge(
    "landscape_calls_in_flight", "Calls between admission and answer, in this process", ["provider"]
)
ITEMS = Counter(
    "landscape_items_total",
    "Tries of items that ended: completed, failed, skipped, pending, or the reason of a wait",
    ["phase", "outcome"],
)
ITEM_DURATION = Histogram(
    "landscape_item_duration_seconds",
    "From the claim of an item's job to its outcome in the record",
    ["phase"],
    buckets=WORK_BUCKETS,
)
RETRIES = Counter(
    "landscape_retries_total",
    "Attempts that ended in an error and are followed by another",
    ["queue", "category"],
)
DEAD_LETTERED = Counter(
    "landscape_dead_letters_total",
    "Items that became dead letters after their last attempt; those that killed their workers are in the depth alone",
    ["queue", "category"],
)
JOBS = Counter(
    "landscape_jobs_total",
    "Jobs that left this process: completed, lost to another worker, or handed back at a stop",
    ["queue", "outcome"],
)
QUEUE_WAIT = Histogram(
    "landscape_queue_wait_seconds",
    "From the forming of a job to its claim",
    ["queue"],
    buckets=WORK_BUCKETS,
)
LEASES_EXPIRED = Counter(
    "landscape_leases_expired_total", "Leases found expired: their holder died or hung", ["phase"]
)
DISPATCHED = Counter(
    "landscape_dispatched_total",
    "Messages sent, and sent again because nobody claimed the job",
    ["queue", "again"],
)
BREAKER_STATE = Gauge(
    "landscape_breaker_state",
    "The breaker as this process has last heard of it: 0 closed, 1 half open, 2 open",
    ["provider"],
)
BREAKER_TRANSITIONS = Counter(
    "landscape_breaker_transitions_total",
    "Changes of a breaker's state, counted once over all processes, by the one that wrote it down",
    ["provider", "to"],
)
BREAKER_REJECTED = Counter(
    "landscape_breaker_rejected_total", "Calls that did not leave because of the breaker", ["provider"]
)
LEADER = Gauge("landscape_leader", "1 while this process leads its service", ["service"])
PIPELINE_DURATION = Histogram(
    "landscape_pipeline_duration_seconds",
    "From the start of a pipeline to its end",
    ["state"],
    buckets=PIPELINE_BUCKETS,
)
RECORDED = Histogram(
    "landscape_recorded_batch", "Outcomes per transaction of the recorder", ["service"], buckets=BATCH_BUCKETS
)
READY = Gauge(
    "landscape_ready", "1 while this worker can work: stores reachable, schema its own", ["service"]
)
HEARTBEAT = Gauge(
    "landscape_worker_heartbeat_timestamp_seconds",
    "When this worker's event loop last ran, as Unix time; what stands still is stuck",
    ["service"],
)
BUILD = Gauge("landscape_build_info", "Always 1; the label says what runs. Of the gateway, too", ["version"])
BUILD.labels(VERSION).set(1)


class Requests:
    """Of the gateway's requests, in a registry of the application's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.total = Counter(
            "landscape_http_requests_total",
            "Requests answered, by route template",
            ["method", "route", "status"],
            registry=registry,
        )
        self.duration = Histogram(
            "landscape_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer",
            ["method", "route"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )


# Of the record, exposed by the gateway alone; summing them up over several gateways counts twice.
RECORD_UP = Family(
    "landscape_record_up", "1 when the record could be read for this scrape; else no other of these is there"
)
ITEMS_NOW = Family("landscape_items", "Items of pipelines that have not ended", ("phase", "state"))
ITEMS_WAITING = Family(
    "landscape_items_waiting", "Those of them that are pending and not due yet", ("phase", "reason")
)
DISPATCH_LAG = Family(
    "landscape_dispatch_lag_seconds",
    "Since the next due item is due and in no job; 0 without any",
    ("phase",),
)
QUEUE_DEPTH = Family(
    "landscape_queue_depth", "Jobs by state; of dead letters at most 10,000 are counted", ("queue", "state")
)
QUEUE_OLDEST = Family(
    "landscape_queue_oldest_timestamp_seconds",
    "When the oldest of them was formed, or died, as Unix time; absent without any",
    ("queue", "state"),
)
SERVICE_LED = Family(
    "landscape_service_led", "1 while a live worker leads the service, or housekeeping", ("service", "phase")
)
SERVICE_REQUESTS = Family(
    "landscape_service_requests",
    "Calls of the last ten minutes by what became of them, as the workers wrote down",
    ("service", "outcome"),
)
PIPELINES = Family("landscape_pipelines", "Pipelines that have not ended", ("state",))
PIPELINE_OLDEST = Family(
    "landscape_pipeline_oldest_timestamp_seconds",
    "When the oldest running pipeline was started, as Unix time; absent without any",
)
PIPELINE_LAST_SUCCESS = Family(
    "landscape_pipeline_last_success_timestamp_seconds",
    "When a pipeline last completed, with or without gaps, as Unix time; of the last 1,000 that ended",
)
CHECKPOINT_AGE = Family(
    "landscape_checkpoint_age_seconds",
    "The longest any running pipeline that is to have checkpoints has been without a new one",
)
QUOTA_LIMIT = Family("landscape_provider_quota_limit_units", "Units that may be charged today", ("provider",))
QUOTA_REMAINING = Family(
    "landscape_provider_quota_remaining_units",
    "Units left of them, calls under way at their dearest",
    ("provider",),
)
BUDGET_USED = Family(
    "landscape_budget_used_ratio", "The largest part of its budget any open pipeline has committed"
)
