-- What the calls of each service came to, by the minute. Written by its workers while the minute lasts: every process
-- has rows of its own and writes them whole, so that writing twice changes nothing.

CREATE TABLE service_health_metrics (
    service      text NOT NULL,
    window_start timestamptz NOT NULL,         -- by the clock of the process
    holder       text NOT NULL,                -- the process that counted
    requests     integer NOT NULL,             -- calls that ended
    successes    integer NOT NULL,
    failures     integer NOT NULL,
    timeouts     integer NOT NULL,             -- of the failures: no whole answer in time
    avg_seconds  double precision NOT NULL,
    p95_seconds  double precision NOT NULL,
    p99_seconds  double precision NOT NULL,
    errors       jsonb NOT NULL,               -- category, or bug -> failures
    seconds      double precision NOT NULL,    -- all durations; with the buckets what makes rows addable
    buckets      jsonb NOT NULL,               -- number, as in shared/domain/durations.py -> calls
    PRIMARY KEY (service, window_start, holder),
    CHECK (requests = successes + failures AND timeouts <= failures)
);
CREATE INDEX service_health_metrics_window ON service_health_metrics (window_start);
