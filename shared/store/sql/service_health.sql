-- name: save_windows
-- What a process has counted so far in these windows; the later count of a window replaces the earlier one.
INSERT INTO service_health_metrics (service, window_start, holder, requests, successes, failures, timeouts,
                                    avg_seconds, p95_seconds, p99_seconds, errors, seconds, buckets)
SELECT %(service)s, to_timestamp(w.start), %(holder)s, w.requests, w.successes, w.failures, w.timeouts,
       w.avg_seconds, w.p95_seconds, w.p99_seconds, w.errors, w.seconds, w.buckets
FROM json_to_recordset(%(windows)s::json) AS w (
    start float8, requests int, successes int, failures int, timeouts int, avg_seconds float8, p95_seconds float8,
    p99_seconds float8, errors jsonb, seconds float8, buckets jsonb)
ON CONFLICT (service, window_start, holder) DO UPDATE
SET requests = excluded.requests, successes = excluded.successes, failures = excluded.failures,
    timeouts = excluded.timeouts, avg_seconds = excluded.avg_seconds, p95_seconds = excluded.p95_seconds,
    p99_seconds = excluded.p99_seconds, errors = excluded.errors, seconds = excluded.seconds,
    buckets = excluded.buckets

-- name: save_stretches
-- The same of five minutes at once.
INSERT INTO service_health_stretches (service, stretch_start, holder, successes, timeouts, errors, seconds, buckets)
SELECT %(service)s, to_timestamp(w.start), %(holder)s, w.successes, w.timeouts, w.errors, w.seconds, w.buckets
FROM json_to_recordset(%(stretches)s::json) AS w (
    start float8, successes int, timeouts int, errors jsonb, seconds float8, buckets jsonb)
ON CONFLICT (service, stretch_start, holder) DO UPDATE
SET successes = excluded.successes, timeouts = excluded.timeouts, errors = excluded.errors, seconds = excluded.seconds,
    buckets = excluded.buckets

-- name: find_windows
-- What the processes of a service counted since a moment: in windows, and from another moment on in stretches. As text:
-- the caller reads it faster than the driver.
SELECT extract(epoch FROM window_start)::bigint, successes, errors::text, timeouts, seconds, buckets::text
FROM service_health_metrics
WHERE service = %(service)s AND window_start >= to_timestamp(%(since)s)
  AND (%(stretches_from)s::float8 IS NULL OR window_start < to_timestamp(%(stretches_from)s))
UNION ALL
SELECT extract(epoch FROM stretch_start)::bigint, successes, errors::text, timeouts, seconds, buckets::text
FROM service_health_stretches
WHERE service = %(service)s AND stretch_start >= to_timestamp(%(stretches_from)s::float8)
ORDER BY 1

-- name: sum_outcomes
-- Calls of every service since a moment by what became of them; of a few windows per process.
SELECT service, 'ok', sum(successes)::bigint FROM service_health_metrics
WHERE window_start >= now() - make_interval(secs => %(seconds)s) GROUP BY service
UNION ALL
SELECT h.service, e.key, sum(e.value::bigint)::bigint FROM service_health_metrics h, jsonb_each_text(h.errors) e
WHERE h.window_start >= now() - make_interval(secs => %(seconds)s) GROUP BY h.service, e.key

-- name: delete_windows
-- Windows that are older than they need to be, some of them at a time.
DELETE FROM service_health_metrics WHERE (service, window_start, holder) IN (
    SELECT service, window_start, holder FROM service_health_metrics
    WHERE window_start < now() - make_interval(days => %(days)s) LIMIT %(limit)s)

-- name: delete_stretches
-- The same of stretches.
DELETE FROM service_health_stretches WHERE (service, stretch_start, holder) IN (
    SELECT service, stretch_start, holder FROM service_health_stretches
    WHERE stretch_start < now() - make_interval(days => %(days)s) LIMIT %(limit)s)
