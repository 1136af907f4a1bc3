-- name: sum_items_by_state
-- Items of pipelines that have not ended, by phase and state or reason of a wait; from counters, no item is read.
SELECT c.phase, c.name, sum(c.delta)::bigint
FROM counters c JOIN pipelines p ON p.pipeline_id = c.pipeline_id AND p.ended_at IS NULL
WHERE c.name IN ('pending', 'processing', 'completed', 'failed', 'skipped') OR starts_with(c.name, 'waiting.')
GROUP BY c.phase, c.name

-- name: measure_queues
-- Jobs that have not ended, by queue and state, with the moment the oldest was formed. Dispatch keeps them few.
SELECT queue_name, state, count(*)::bigint, extract(epoch FROM min(created_at))::float8
FROM job_queue WHERE state IN ('pending', 'dispatched', 'processing')
GROUP BY queue_name, state

-- name: measure_dead_letters
-- Open dead letters by queue, counted up to a limit, with the moment the first of them died.
SELECT q.name, 'dead_letter',
       (SELECT count(*) FROM (SELECT FROM job_queue d WHERE d.queue_name = q.name AND d.state = 'dead_letter'
                              LIMIT %(most)s) counted)::bigint,
       (SELECT extract(epoch FROM d.ended_at) FROM job_queue d WHERE d.queue_name = q.name AND d.state = 'dead_letter'
        ORDER BY d.job_id LIMIT 1)::float8
FROM unnest(%(queues)s::text[]) AS q (name)

-- name: sum_pipelines
-- Pipelines that have not ended, by state, with the moment the oldest was started.
SELECT state, count(*)::bigint, extract(epoch FROM min(created_at))::float8
FROM pipelines WHERE ended_at IS NULL GROUP BY state

-- name: find_last_success
-- When a pipeline last completed, of those that ended last.
SELECT extract(epoch FROM max(e.ended_at))::float8
FROM (SELECT state, ended_at FROM pipelines WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT %(most)s) e
WHERE e.state IN ('completed', 'completed_with_gaps')

-- name: find_checkpoint_age
-- The longest that a running pipeline has been without a new checkpoint, of those that are to have them. Seconds.
SELECT extract(epoch FROM max(now() - coalesce(c.created_at, p.created_at)))::float8
FROM pipelines p
LEFT JOIN LATERAL (SELECT created_at FROM pipeline_checkpoints c WHERE c.pipeline_id = p.pipeline_id
                   ORDER BY checkpoint_id DESC LIMIT 1) c ON true
WHERE p.ended_at IS NULL AND p.state = 'running' AND p.checkpoint_interval IS NOT NULL

-- name: find_quotas
-- The latest day of each provider that has a limit: the limit, and what is left of it.
SELECT DISTINCT ON (provider) provider, most, most - committed
FROM provider_days WHERE day >= current_date - 1 AND most IS NOT NULL
ORDER BY provider, day DESC

-- name: find_budget_used
-- The largest part of its budget that an open pipeline has committed.
SELECT max(CASE WHEN b.budget > 0 THEN b.committed / b.budget ELSE 1 END)
FROM pipeline_budgets b JOIN pipelines p ON p.pipeline_id = b.pipeline_id AND p.ended_at IS NULL
WHERE b.budget IS NOT NULL
