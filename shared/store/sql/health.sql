-- name: look_at_server
-- The server's clock, and whether it is a standby.
SELECT extract(epoch FROM clock_timestamp())::float8, pg_is_in_recovery()

-- name: spill_to_disk
-- More than its memory holds, so that the server writes some hundred kilobytes to its disk and throws them away again.
SELECT count(*) FROM (SELECT n FROM generate_series(1, 30000) AS n ORDER BY -n) AS sorted

-- name: count_jobs
-- Jobs that have not ended, by queue and state.
SELECT queue_name, state, count(*)::int FROM job_queue
WHERE state IN ('pending', 'dispatched', 'processing')
GROUP BY queue_name, state ORDER BY queue_name, state

-- name: find_oldest_due
-- Per phase of running pipelines: pending items that are not waiting, and for how many seconds the next in turn has
-- been due. Hops through the index from group to group; a group's first row is the next in turn. Where items must
-- wait for others by rule (a cap, the closing phases), nobody is late.
WITH RECURSIVE oldest AS (
    (SELECT phase, pipeline_id, batch_key, chunk, due_at FROM ready
     ORDER BY phase, pipeline_id, batch_key, chunk, value DESC, due_at, item_id LIMIT 1)
    UNION ALL
    SELECT next.* FROM oldest o CROSS JOIN LATERAL (
        SELECT phase, pipeline_id, batch_key, chunk, due_at FROM ready r
        WHERE (r.phase, r.pipeline_id, r.batch_key, r.chunk) > (o.phase, o.pipeline_id, o.batch_key, o.chunk)
        ORDER BY phase, pipeline_id, batch_key, chunk, value DESC, due_at, item_id LIMIT 1) next
)
SELECT o.phase, sum(o.pending)::bigint, extract(epoch FROM now() - min(o.due_at))::float8
FROM (
    SELECT o.phase, o.pipeline_id, min(o.due_at) AS due_at, (
        SELECT sum(CASE c.name WHEN 'pending' THEN c.delta ELSE -c.delta END) FROM counters c
        WHERE c.pipeline_id = o.pipeline_id AND c.phase = o.phase
          AND (c.name = 'pending' OR starts_with(c.name, 'waiting.'))) AS pending
    FROM oldest o JOIN pipelines p ON p.pipeline_id = o.pipeline_id AND p.state = 'running'
    WHERE o.phase <> ALL(%(closing)s) AND NOT p.item_caps ? o.phase
    GROUP BY o.phase, o.pipeline_id
) o
GROUP BY o.phase ORDER BY o.phase

-- name: sum_waiting
-- Waiting items of pipelines that have not ended, by phase and reason.
SELECT c.phase, substr(c.name, length('waiting.') + 1), sum(c.delta)::bigint
FROM counters c JOIN pipelines p ON p.pipeline_id = c.pipeline_id AND p.ended_at IS NULL
WHERE starts_with(c.name, 'waiting.')
GROUP BY c.phase, c.name HAVING sum(c.delta) <> 0 ORDER BY c.phase, c.name

-- name: select_leaders
-- Leaders whose lease lasts, with the seconds left.
SELECT name, holder, extract(epoch FROM lease_until - now())::float8
FROM leases WHERE lease_until > now() ORDER BY name

-- name: count_calls
-- Calls of the last seconds by provider: how many ended, how many of those in an error, how many are under
-- way, and the share of errors.
SELECT provider, count(*) FILTER (WHERE state <> 'sent')::int,
       count(*) FILTER (WHERE state <> 'sent' AND outcome <> 'ok')::int,
       count(*) FILTER (WHERE state = 'sent')::int,
       count(*) FILTER (WHERE state <> 'sent' AND outcome <> 'ok')::float8 / nullif(count(*) FILTER (WHERE state <> 'sent'), 0)
FROM provider_calls WHERE sent_at > now() - make_interval(secs => %(seconds)s)
GROUP BY provider ORDER BY provider
