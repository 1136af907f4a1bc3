-- What monitoring is asked for, kept where it happens: no figure takes a count of rows when somebody asks.

-- Items that failed, and given-up ones: as `ready` and `waiting` hold those that are due, now or later.
CREATE TABLE failed_items (
    pipeline_id uuid NOT NULL,
    item_id     bigint NOT NULL,
    phase       text NOT NULL,
    category    text NOT NULL,                    -- of its error; empty: none
    PRIMARY KEY (pipeline_id, item_id)
);
CREATE INDEX failed_items_listed ON failed_items (pipeline_id, phase, category, item_id);
INSERT INTO failed_items (pipeline_id, item_id, phase, category)
SELECT s.pipeline_id, s.item_id, i.phase, coalesce(s.error_category, '')
FROM pipeline_state s JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
WHERE s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable';
INSERT INTO counters (pipeline_id, phase, name, delta)
SELECT pipeline_id, phase, 'failed.' || category, count(*) FROM failed_items GROUP BY 1, 2, 3;

-- Deltas, as `counters`, of what retry_history says. Of what is older the minute is the first of its hour.
CREATE TABLE retry_counters (
    minute        timestamptz NOT NULL,           -- in which the attempts ended
    phase         text NOT NULL,
    category      text NOT NULL,
    attempts      bigint NOT NULL,
    retries       bigint NOT NULL,
    delay_seconds double precision NOT NULL,      -- before these, in all
    items         bigint NOT NULL,                -- whose latest attempt of this category it was
    recovered     bigint NOT NULL                 -- of these: completed by now
);
CREATE INDEX retry_counters_minute ON retry_counters (minute);
INSERT INTO retry_counters
SELECT date_trunc('minute', h.recorded_at, 'UTC'), h.phase, h.category, count(*), count(h.next_at),
       coalesce(sum(h.delay_seconds), 0), count(*) FILTER (WHERE h.age = 1),
       count(*) FILTER (WHERE h.age = 1 AND s.state = 'completed')
FROM (
    SELECT *, row_number() OVER (PARTITION BY pipeline_id, item_id, category ORDER BY recorded_at DESC) AS age
    FROM retry_history
) h
LEFT JOIN pipeline_state s ON s.pipeline_id = h.pipeline_id AND s.item_id = h.item_id
GROUP BY 1, 2, 3;

-- Deltas of what the ledger says, for two days.
CREATE TABLE provider_counters (
    minute   timestamptz NOT NULL,                -- in which the calls left
    provider text NOT NULL,
    calls    bigint NOT NULL,
    units    double precision NOT NULL            -- charged, as far as it is known
);
CREATE INDEX provider_counters_minute ON provider_counters (minute);
INSERT INTO provider_counters
SELECT date_trunc('minute', sent_at, 'UTC'), provider, count(*), coalesce(sum(units), 0)
FROM provider_calls WHERE sent_at > now() - interval '1 day' GROUP BY 1, 2;

-- Five windows of service_health_metrics in one row, by process; written with them, for two days.
CREATE TABLE service_health_stretches (
    service       text NOT NULL,
    stretch_start timestamptz NOT NULL,
    holder        text NOT NULL,
    successes     integer NOT NULL,
    timeouts      integer NOT NULL,
    errors        jsonb NOT NULL,
    seconds       double precision NOT NULL,
    buckets       jsonb NOT NULL,
    PRIMARY KEY (service, stretch_start, holder)
);
CREATE INDEX service_health_stretches_start ON service_health_stretches (stretch_start);
INSERT INTO service_health_stretches
SELECT w.service, w.start, w.holder, sum(w.successes), sum(w.timeouts),
       (SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (
            SELECT key, sum(value::bigint) AS n FROM unnest(array_agg(w.errors)) e, jsonb_each_text(e) GROUP BY key) sums),
       sum(w.seconds),
       (SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (
            SELECT key, sum(value::bigint) AS n FROM unnest(array_agg(w.buckets)) b, jsonb_each_text(b) GROUP BY key) sums)
FROM (
    SELECT *, date_bin('5 minutes', window_start, 'epoch') AS start FROM service_health_metrics
    WHERE window_start >= date_bin('5 minutes', now(), 'epoch') - interval '1 day'
) w
GROUP BY 1, 2, 3;
