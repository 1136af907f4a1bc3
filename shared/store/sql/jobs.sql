-- name: count_due
-- Due items of a phase by pipeline and batch key, at most %(window)s per pipeline, with the oldest's age in seconds, and
-- how many of the phase have not ended.
SELECT due.pipeline_id::text, due.batch_key, due.chunk, count(*)::int,
       extract(epoch FROM now() - min(due.due_at))::float8, p.priority, (
           SELECT coalesce(sum(c.delta), 0)::int FROM counters c
           WHERE c.pipeline_id = due.pipeline_id AND c.phase = %(phase)s AND c.name IN ('pending', 'processing')),
       p.single_items, p.bypasses_breaker
FROM pipelines p
CROSS JOIN LATERAL (
    SELECT r.pipeline_id, r.batch_key, r.chunk, r.due_at
    FROM ready r
    WHERE r.phase = %(phase)s AND r.pipeline_id = p.pipeline_id
    ORDER BY r.batch_key, r.chunk, r.value DESC, r.due_at, r.item_id
    LIMIT %(window)s
) due
WHERE p.ended_at IS NULL AND p.state = 'running' AND (p.bypasses_breaker OR NOT %(bypassing)s)
  AND NOT EXISTS (SELECT FROM circuit_breakers b WHERE b.service = %(queue)s AND b.paused_at IS NOT NULL)
  -- Which items are the best shows only when all are found.
  AND NOT (p.item_caps ? %(phase)s AND EXISTS (
      SELECT FROM counters c WHERE c.pipeline_id = p.pipeline_id AND c.phase = ANY(%(upstream)s)
        AND c.name IN ('pending', 'processing') HAVING sum(c.delta) > 0))
GROUP BY due.pipeline_id, due.batch_key, due.chunk, p.priority, p.single_items, p.bypasses_breaker, p.created_at
ORDER BY p.priority DESC, p.created_at

-- name: count_open
-- Items in open jobs of a queue, by pipeline.
SELECT pipeline_id::text, sum(cardinality(item_ids))::int
FROM job_queue
WHERE queue_name = %(queue)s AND state IN ('pending', 'dispatched', 'processing')
GROUP BY pipeline_id

-- name: find_bypassing
-- Pipelines whose calls start whatever the breaker says.
SELECT pipeline_id::text FROM pipelines WHERE bypasses_breaker AND ended_at IS NULL

-- name: count_upstream
-- Pipelines in which one of these phases still has open items.
SELECT c.pipeline_id::text
FROM counters c
JOIN pipelines p ON p.pipeline_id = c.pipeline_id AND p.ended_at IS NULL
WHERE c.phase = ANY(%(phases)s) AND c.name IN ('pending', 'processing')
GROUP BY c.pipeline_id
HAVING sum(c.delta) > 0

-- name: create_job
-- Turns up to %(size)s due items into one job.
-- Materialized, because a semi join would run the sub-select again for every row, and its limit with it.
WITH due AS MATERIALIZED (
    SELECT pipeline_id, item_id FROM ready
    WHERE phase = %(phase)s AND pipeline_id = %(pipeline_id)s
      AND batch_key = %(batch_key)s AND chunk = %(chunk)s
    ORDER BY value DESC, due_at, item_id
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), picked AS (
    DELETE FROM ready r USING due d
    WHERE r.pipeline_id = d.pipeline_id AND r.item_id = d.item_id
    RETURNING r.item_id
)
INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, priority, chunk)
SELECT %(pipeline_id)s, %(queue)s, %(phase)s, array_agg(item_id ORDER BY item_id), %(priority)s, %(chunk)s
FROM picked HAVING count(*) > 0
RETURNING job_id, fence, chunk > 0

-- name: mark_dispatched
-- Their messages were sent. A job that was claimed meanwhile stays as it is.
UPDATE job_queue SET state = 'dispatched', dispatched_at = now()
WHERE job_id = ANY(%(job_ids)s) AND state = 'pending'

-- name: redispatch_jobs
-- Jobs whose message was never sent or never arrived; the higher fence makes the old message void.
UPDATE job_queue SET fence = fence + 1, state = 'dispatched', dispatched_at = now()
WHERE queue_name = %(queue)s
  AND (state = 'dispatched' AND dispatched_at < now() - make_interval(secs => %(after)s)
       OR state = 'pending' AND created_at < now() - make_interval(secs => %(after)s))
  AND NOT EXISTS (SELECT FROM circuit_breakers b WHERE b.service = %(queue)s AND b.paused_at IS NOT NULL)
RETURNING job_id, fence, chunk > 0

-- name: claim_job
-- Takes the lease, unless the message is void or the job already claimed. Suspects wait for their turn before, and
-- their message may have been sent again meanwhile: an older one will do, for a job is claimed once. Returns
-- what is in the job, and how long it has waited.
UPDATE job_queue j
SET state = 'processing', fence = j.fence + 1, lease_holder = %(holder)s,
    lease_until = now() + make_interval(secs => %(lease)s), started_at = now()
FROM pipelines p
WHERE j.job_id = %(job_id)s AND (j.fence = %(fence)s OR j.chunk > 0 AND j.fence > %(fence)s)
  AND j.state IN ('pending', 'dispatched')
  AND p.pipeline_id = j.pipeline_id AND p.state = 'running'
  AND NOT EXISTS (SELECT FROM circuit_breakers b WHERE b.service = j.queue_name AND b.paused_at IS NOT NULL)
RETURNING j.pipeline_id::text, j.item_ids, j.fence, extract(epoch FROM now() - j.created_at)::float8

-- name: get_settings
-- What workers need of a pipeline's frozen configuration: all of it but what is large.
SELECT config - 'keywords' - 'landscapes', extract(epoch FROM created_at)::float8 FROM pipelines WHERE pipeline_id = %(pipeline_id)s

-- name: claim_items
-- Moves the claimed job's items to processing and returns them.
WITH claimed AS (
    UPDATE pipeline_state s
    SET state = 'processing', job_id = %(job_id)s, updated_at = now()
    FROM items i
    WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = ANY(%(item_ids)s) AND s.state = 'pending'
      AND i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
    RETURNING i.item_id, i.key, i.input, s.attempts
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT %(pipeline_id)s, %(phase)s, name, sign * count(*)
    FROM claimed, (VALUES ('pending', -1), ('processing', 1)) AS d (name, sign)
    GROUP BY name, sign
)
SELECT item_id, key, input, attempts FROM claimed ORDER BY item_id

-- name: find_sources
-- The answers that were bought for items of these keys in another phase.
SELECT i.key, f.answer
FROM items i
JOIN results r ON r.pipeline_id = i.pipeline_id AND r.item_id = i.item_id
JOIN provider_facts f ON f.fact_key = (r.facts -> 0 ->> 'key')::uuid AND f.call_id = (r.facts -> 0 ->> 'call_id')::uuid
WHERE i.pipeline_id = %(pipeline_id)s AND i.phase = %(phase)s AND i.key = ANY(%(keys)s) AND f.answer IS NOT NULL

-- name: renew_leases
-- Renews this holder's leases and returns the jobs it still holds.
UPDATE job_queue SET lease_until = now() + make_interval(secs => %(lease)s)
WHERE job_id = ANY(%(job_ids)s) AND lease_holder = %(holder)s AND state = 'processing'
RETURNING job_id

-- name: complete_job
-- Every item of it has been accounted for: recorded or given back.
UPDATE job_queue SET state = 'completed', lease_holder = NULL, lease_until = NULL, ended_at = now()
WHERE job_id = %(job_id)s AND fence = %(fence)s AND state = 'processing'
  -- An item left over by a defect: the lease runs out, and the reaper returns it.
  AND NOT EXISTS (
      SELECT FROM pipeline_state s
      WHERE s.pipeline_id = job_queue.pipeline_id AND s.item_id = ANY(job_queue.item_ids)
        AND s.job_id = job_queue.job_id AND s.state = 'processing')

-- name: expire_jobs
-- Jobs whose holder is gone are over. Returns them with their chunk, the number of items they had not accounted for, and
-- how often the one of these has crashed that did so most, this time included.
WITH expired AS (
    UPDATE job_queue
    SET state = 'expired', fence = fence + 1, lease_until = NULL, ended_at = now()
    WHERE queue_name = %(queue)s AND state = 'processing' AND lease_until < now()
    RETURNING job_id, pipeline_id, item_ids, chunk
)
SELECT e.job_id, e.chunk, count(s.item_id)::int, coalesce(max(s.crashes), 0)::int + 1
FROM expired e LEFT JOIN pipeline_state s ON s.pipeline_id = e.pipeline_id AND s.item_id = ANY(e.item_ids)
     AND s.state = 'processing' AND s.job_id = e.job_id
GROUP BY e.job_id, e.chunk

-- name: return_items
-- Items of expired jobs go back to due in chunks, or fail. Returns them with their errors.
WITH died AS (
    SELECT j.job_id, j.pipeline_id, j.item_ids, d.chunk, d.given_up
    FROM unnest(%(job_ids)s::bigint[], %(chunks)s::int[], %(given_up)s::bool[]) AS d (job_id, chunk, given_up)
    JOIN job_queue j ON j.job_id = d.job_id
), returned AS (
    UPDATE pipeline_state s
    SET state = CASE WHEN d.given_up THEN 'failed' ELSE 'pending' END, crashes = s.crashes + 1, chunk = d.chunk,
        error_category = 'crash', updated_at = now(),
        last_error = 'its worker died or hung while processing it (time ' || s.crashes + 1 || ')'
    FROM died d
    WHERE s.pipeline_id = d.pipeline_id AND s.item_id = ANY(d.item_ids)
      AND s.state = 'processing' AND s.job_id = d.job_id
    RETURNING s.pipeline_id, s.item_id, s.state, s.crashes, s.chunk, s.attempts, s.last_error
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT i.pipeline_id, i.item_id, i.phase, i.batch_key, r.chunk, i.value
    FROM returned r JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
    WHERE r.state = 'pending'
), failed AS (
    INSERT INTO failed_items (pipeline_id, item_id, phase, category)
    SELECT pipeline_id, item_id, %(phase)s, 'crash' FROM returned WHERE state = 'failed'
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, %(phase)s, d.name, d.sign * count(*)
    FROM returned r, LATERAL (VALUES
        ('processing', -1), (r.state, 1), (CASE WHEN r.state = 'failed' THEN 'failed.crash' END, 1)) AS d (name, sign)
    WHERE d.name IS NOT NULL
    GROUP BY pipeline_id, d.name, d.sign
)
SELECT pipeline_id::text, item_id, state, last_error FROM returned

-- name: doubt_calls
-- Calls of reaped jobs that had left are in doubt. A statement of its own: only now those are seen that were written
-- while the reaper waited for their job.
WITH doubted AS (
    UPDATE provider_calls SET state = 'in_doubt', outcome = 'lease_expired', settled_at = now()
    WHERE job_id = ANY(%(job_ids)s) AND state = 'sent'
    RETURNING call_id, fact_keys
)
INSERT INTO doubted_facts (fact_key, call_id) SELECT unnest(fact_keys), call_id FROM doubted

-- name: wake_items
-- Waiting items whose moment has come become due. Returns how many.
WITH due_now AS MATERIALIZED (
    SELECT pipeline_id, item_id FROM waiting
    WHERE phase = %(phase)s AND next_at <= now()
    ORDER BY next_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), woken AS (
    DELETE FROM waiting w USING due_now d
    WHERE w.pipeline_id = d.pipeline_id AND w.item_id = d.item_id
    RETURNING w.pipeline_id, w.item_id, w.phase, w.reason
), state AS (
    UPDATE pipeline_state s SET next_at = NULL, wait_reason = NULL, updated_at = now()
    FROM woken w WHERE s.pipeline_id = w.pipeline_id AND s.item_id = w.item_id
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT i.pipeline_id, i.item_id, i.phase, i.batch_key, s.chunk, i.value
    FROM woken w
    JOIN items i ON i.pipeline_id = w.pipeline_id AND i.item_id = w.item_id
    JOIN pipeline_state s ON s.pipeline_id = w.pipeline_id AND s.item_id = w.item_id
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, phase, 'waiting.' || reason, -count(*) FROM woken GROUP BY 1, 2, 3
)
SELECT count(*)::int FROM woken

-- name: keep_best
-- Due items beyond a running pipeline's cap are skipped by rule once nothing upstream is open, some at a time. What is
-- under way, ended or waiting counts towards the cap; the counters say first whether there is any surplus at all.
-- Returns how many.
WITH capped AS MATERIALIZED (
    SELECT p.pipeline_id, (p.item_caps ->> %(phase)s)::bigint
           - coalesce(sum(c.delta) FILTER (WHERE c.phase = %(phase)s AND c.name IN (
                 'pending', 'processing', 'completed', 'failed')), 0) AS room
    FROM pipelines p JOIN counters c ON c.pipeline_id = p.pipeline_id
    WHERE p.ended_at IS NULL AND p.state = 'running' AND p.item_caps ? %(phase)s
    GROUP BY p.pipeline_id
    HAVING coalesce(sum(c.delta) FILTER (
        WHERE c.phase = ANY(%(upstream)s) AND c.name IN ('pending', 'processing')), 0) = 0
), surplus AS MATERIALIZED (
    SELECT r.pipeline_id, r.item_id FROM capped c CROSS JOIN LATERAL (
        -- The index read backwards: the least valuable first.
        SELECT pipeline_id, item_id FROM ready
        WHERE phase = %(phase)s AND pipeline_id = c.pipeline_id AND batch_key = '' AND chunk = 0
        ORDER BY value, due_at DESC, item_id DESC LIMIT least(-c.room, %(limit)s) FOR UPDATE SKIP LOCKED) r
    WHERE c.room < 0
), taken AS (
    DELETE FROM ready r USING surplus s WHERE r.pipeline_id = s.pipeline_id AND r.item_id = s.item_id
    RETURNING r.pipeline_id, r.item_id
), skipped AS (
    UPDATE pipeline_state s SET state = 'skipped', last_error = 'beyond the number of pages asked for', updated_at = now()
    FROM taken t WHERE s.pipeline_id = t.pipeline_id AND s.item_id = t.item_id AND s.state = 'pending'
    RETURNING s.pipeline_id
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, %(phase)s, d.name, d.sign * count(*)
    FROM skipped, (VALUES ('pending', -1), ('skipped', 1)) AS d (name, sign)
    GROUP BY pipeline_id, d.name, d.sign
)
SELECT count(*)::int FROM skipped

-- name: give_up_items
-- Items of optional phases that have waited for longer than their pipeline allows, and wait still, are skipped; so are
-- those that have been due for so long while nobody works on their phase. Each is a gap. A paused queue is not asked to
-- work, and the time before it was unpaused does not count.
WITH late AS MATERIALIZED (
    SELECT w.pipeline_id, w.item_id
    FROM waiting w JOIN pipelines p ON p.pipeline_id = w.pipeline_id AND p.state = 'running'
    LEFT JOIN unnest(%(phases)s::text[], %(services)s::text[]) AS s (phase, service) ON s.phase = w.phase
    LEFT JOIN circuit_breakers b ON b.service = s.service
    -- Not what is due by now: it may have waited for nobody but this system itself, which was stopped.
    WHERE b.paused_at IS NULL AND greatest(w.since, p.running_since, b.unpaused_at) < now() - make_interval(secs => p.give_up_after_seconds)
      AND w.next_at > now() AND w.reason <> 'in_doubt'  -- that is for an operator to decide
      AND w.phase <> ALL(%(mandatory)s)
    LIMIT %(limit)s
    FOR UPDATE OF w SKIP LOCKED
), taken AS (
    DELETE FROM waiting w USING late l WHERE w.pipeline_id = l.pipeline_id AND w.item_id = l.item_id
    RETURNING w.pipeline_id, w.item_id, w.phase, w.reason
), forlorn AS MATERIALIZED (
    SELECT r.pipeline_id, r.item_id
    FROM unnest(%(phases)s::text[], %(services)s::text[]) AS s (phase, service)
    JOIN pipelines p ON p.state = 'running' AND p.ended_at IS NULL
    JOIN ready r ON r.phase = s.phase AND r.pipeline_id = p.pipeline_id
    LEFT JOIN circuit_breakers b ON b.service = s.service
    WHERE b.paused_at IS NULL AND greatest(r.due_at, p.running_since, b.unpaused_at) < now() - make_interval(secs => p.give_up_after_seconds)
      AND NOT EXISTS (SELECT FROM leases l WHERE l.name = s.service AND l.lease_until > now())
    LIMIT %(limit)s
    FOR UPDATE OF r SKIP LOCKED
), left_alone AS (
    DELETE FROM ready r USING forlorn f WHERE r.pipeline_id = f.pipeline_id AND r.item_id = f.item_id
    RETURNING r.pipeline_id, r.item_id, r.phase, NULL AS reason
), skipped AS (
    UPDATE pipeline_state s
    SET state = 'skipped', next_at = NULL, wait_reason = NULL, error_category = 'provider_unavailable',
        last_error = 'given up: waited too long for its provider (' || coalesce(t.reason, 'no worker of it runs') || ')'
                     || coalesce(': ' || s.last_error, ''), updated_at = now()
    FROM (SELECT * FROM taken UNION ALL SELECT * FROM left_alone) t
    WHERE s.pipeline_id = t.pipeline_id AND s.item_id = t.item_id AND s.state = 'pending'
    RETURNING s.pipeline_id, s.item_id, t.phase, t.reason
), failed AS (
    INSERT INTO failed_items (pipeline_id, item_id, phase, category)
    SELECT pipeline_id, item_id, phase, 'provider_unavailable' FROM skipped
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, phase, d.name, sum(d.delta)
    FROM skipped, LATERAL (VALUES
        ('pending', -1), ('skipped', 1), ('given_up', 1), ('failed.provider_unavailable', 1),
        ('waiting.' || reason, CASE WHEN reason IS NULL THEN 0 ELSE -1 END)) AS d (name, delta)
    WHERE d.delta <> 0
    GROUP BY 1, 2, 3
)
SELECT count(*)::int FROM skipped
