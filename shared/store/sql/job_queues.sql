-- name: sum_queues
-- Jobs by queue and state, with the seconds since the oldest of them was formed.
SELECT queue_name, state, count(*)::int, extract(epoch FROM now() - min(created_at))::float8
FROM job_queue WHERE state IN ('pending', 'dispatched', 'processing')
GROUP BY queue_name, state
UNION ALL
SELECT queue_name, state, count(*)::int, extract(epoch FROM now() - min(ended_at))::float8
FROM job_queue WHERE state = 'dead_letter'
GROUP BY queue_name, state

-- name: sum_open_items
-- Open items of pipelines that have not ended, by phase; from counters, no item is read.
SELECT c.phase, coalesce(sum(c.delta) FILTER (WHERE c.name = 'pending'), 0)::bigint,
       coalesce(sum(c.delta) FILTER (WHERE starts_with(c.name, 'waiting.')), 0)::bigint
FROM counters c JOIN pipelines p ON p.pipeline_id = c.pipeline_id AND p.ended_at IS NULL
GROUP BY c.phase
