-- name: change_pipeline
-- Moves a pipeline from one of these states to another, if it is in one of them and settled. No row otherwise.
UPDATE pipelines
SET state = %(to)s, unsettled = %(to)s = 'cancelled',
    ended_at = CASE WHEN %(to)s = 'cancelled' THEN now() END, reopened = reopened + 1,
    running_since = CASE WHEN %(to)s = 'running' THEN now() ELSE running_since END
WHERE pipeline_id = %(pipeline_id)s AND state = ANY(%(from)s::text[]) AND NOT (unsettled AND state = 'cancelled') AND NOT deleting
RETURNING state

-- name: look_at_pipeline
-- Where a pipeline stands.
SELECT state, unsettled FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting

-- name: insert_pipeline_action
-- What was done to a pipeline, by whom and why.
INSERT INTO pipeline_actions (pipeline_id, action, actor, reason, detail)
VALUES (%(pipeline_id)s, %(action)s, %(actor)s, %(reason)s, %(detail)s::jsonb)

-- name: list_pipeline_actions
-- What was done to a pipeline, newest first.
SELECT action, actor, reason, detail::text, done_at FROM pipeline_actions
WHERE pipeline_id = %(pipeline_id)s ORDER BY action_id DESC LIMIT %(limit)s

-- name: withdraw_jobs
-- Jobs of these pipelines, or of a queue, that nobody has claimed are over, and their items due again. Returns how many
-- jobs.
WITH withdrawn AS (
    UPDATE job_queue SET state = 'expired', fence = fence + 1, ended_at = now()
    WHERE (pipeline_id = ANY(%(pipeline_ids)s::uuid[]) OR queue_name = %(queue)s) AND state IN ('pending', 'dispatched')
    RETURNING pipeline_id, item_ids
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT i.pipeline_id, i.item_id, i.phase, i.batch_key, s.chunk, i.value
    FROM withdrawn w
    JOIN pipeline_state s ON s.pipeline_id = w.pipeline_id AND s.item_id = ANY(w.item_ids) AND s.state = 'pending'
    JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
)
SELECT count(*)::int FROM withdrawn

-- name: count_held_jobs
-- Jobs of a pipeline somebody works on.
SELECT count(*)::int FROM job_queue WHERE pipeline_id = %(pipeline_id)s AND state = 'processing'

-- name: find_stopped
-- Those of these pipelines in which no call of a service may start.
SELECT pipeline_id::text FROM pipelines
WHERE pipeline_id = ANY(%(pipeline_ids)s::uuid[])
  AND (state <> 'running'
       OR EXISTS (SELECT FROM circuit_breakers WHERE service = %(service)s AND paused_at IS NOT NULL))

-- name: find_unsettled
-- Cancelled pipelines that still have something open.
SELECT pipeline_id::text FROM pipelines WHERE unsettled AND state = 'cancelled' ORDER BY pipeline_id

-- name: skip_cancelled
-- Due and waiting items of a cancelled pipeline are skipped, up to a number; each is a gap. Returns how many.
WITH cancelled AS MATERIALIZED (
    -- Whoever resumes it waits for this, or this finds it settled.
    SELECT pipeline_id FROM pipelines
    WHERE pipeline_id = %(pipeline_id)s AND unsettled AND state = 'cancelled' FOR SHARE
), due AS MATERIALIZED (
    SELECT r.pipeline_id, r.item_id FROM ready r JOIN cancelled c ON c.pipeline_id = r.pipeline_id
    ORDER BY r.item_id LIMIT %(limit)s FOR UPDATE OF r SKIP LOCKED
), late AS MATERIALIZED (
    SELECT w.pipeline_id, w.item_id FROM waiting w JOIN cancelled c ON c.pipeline_id = w.pipeline_id
    ORDER BY w.item_id LIMIT %(limit)s FOR UPDATE OF w SKIP LOCKED
), taken AS (
    DELETE FROM ready r USING due d WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = d.item_id
    RETURNING r.pipeline_id, r.item_id, r.phase, NULL AS reason
), woken AS (
    DELETE FROM waiting w USING late l WHERE w.pipeline_id = %(pipeline_id)s AND w.item_id = l.item_id
    RETURNING w.pipeline_id, w.item_id, w.phase, w.reason
), skipped AS (
    UPDATE pipeline_state s
    SET state = 'skipped', next_at = NULL, wait_reason = NULL, waiting_since = NULL, error_category = 'cancelled',
        last_error = 'cancelled' || coalesce(': ' || s.last_error, ''), updated_at = now()
    FROM (SELECT * FROM taken UNION ALL SELECT * FROM woken) t
    WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = t.item_id AND s.state = 'pending'
    RETURNING s.pipeline_id, t.phase, t.reason
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, phase, d.name, sum(d.delta)
    FROM skipped, LATERAL (VALUES
        ('pending', -1), ('skipped', 1), ('given_up', 1), ('waiting.' || reason, -1)) AS d (name, delta)
    WHERE d.name IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT count(*)::int FROM skipped

-- name: settle_cancelled
-- Cancelled pipelines with nothing open any more are settled.
UPDATE pipelines p SET unsettled = false
WHERE p.unsettled AND (p.state <> 'cancelled' OR NOT EXISTS (
    SELECT FROM counters c WHERE c.pipeline_id = p.pipeline_id AND c.name IN ('pending', 'processing')
    HAVING sum(c.delta) > 0
  ) AND NOT EXISTS (
    SELECT FROM job_queue j
    WHERE j.pipeline_id = p.pipeline_id AND j.state IN ('pending', 'dispatched', 'processing')))
RETURNING p.pipeline_id::text

-- name: find_failed
-- Failed items of a pipeline, and unless only those are wanted also given-up and cancelled ones.
SELECT item_id FROM pipeline_state
WHERE pipeline_id = %(pipeline_id)s
  AND (state = 'failed' OR NOT %(failed_only)s AND state = 'skipped'
       AND error_category IN ('provider_unavailable', 'cancelled', 'left_out'))

-- name: find_figures
-- Ended items of the closing phases: what is computed from everything else. One under way: see reset_closing.
SELECT s.item_id FROM pipeline_state s JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
WHERE s.pipeline_id = %(pipeline_id)s AND i.phase = ANY(%(closing)s) AND s.state IN ('completed', 'failed', 'skipped')

-- name: set_back_items
-- These ended items are due again, with all their attempts and without their results. Returns how many.
WITH old AS MATERIALIZED (
    SELECT s.pipeline_id, s.item_id, i.phase, i.batch_key, i.value, s.state,
           CASE WHEN s.state = 'completed' AND s.degraded IS NOT NULL THEN 'degraded' END AS degraded,
           CASE WHEN s.state = 'completed' AND s.from_store THEN 'from_store' END AS from_store,
           CASE WHEN s.state = 'skipped' AND s.error_category IN ('provider_unavailable', 'cancelled', 'left_out')
                THEN 'given_up' END AS given_up,
           CASE WHEN s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable'
                THEN 'failed.' || coalesce(s.error_category, '') END AS failed
    FROM pipeline_state s JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
    WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = ANY(%(item_ids)s)
      AND s.state IN ('completed', 'failed', 'skipped')
    ORDER BY s.item_id FOR UPDATE OF s
), back AS (
    UPDATE pipeline_state s
    SET state = 'pending', attempts = 0, crashes = 0, chunk = 0, waiting_since = NULL, error_category = NULL, last_error = NULL,
        degraded = NULL, from_store = false, updated_at = now()
    FROM old o WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = o.item_id
), unproven AS (
    DELETE FROM results r USING old o WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = o.item_id
), unranked AS (
    DELETE FROM rankings r USING old o WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = o.item_id
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, value)
    SELECT pipeline_id, item_id, phase, batch_key, value FROM old
), unlisted AS (
    DELETE FROM failed_items f USING old o WHERE f.pipeline_id = %(pipeline_id)s AND f.item_id = o.item_id
), unrecovered AS (
    INSERT INTO retry_counters (minute, phase, category, attempts, retries, delay_seconds, items, recovered)
    SELECT date_trunc('minute', h.latest, 'UTC'), o.phase, h.category, 0, 0, 0, 0, -count(*)
    FROM old o CROSS JOIN LATERAL (
        SELECT category, max(recorded_at) AS latest FROM retry_history
        WHERE pipeline_id = o.pipeline_id AND item_id = o.item_id GROUP BY category) h
    WHERE o.state = 'completed' GROUP BY 1, 2, 3
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT o.pipeline_id, o.phase, d.name, sum(d.delta)
    FROM old o, LATERAL (VALUES
        (o.state, -1), ('pending', 1), (o.degraded, -1), (o.from_store, -1), (o.given_up, -1), (o.failed, -1)) AS d (name, delta)
    WHERE d.name IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT count(*)::int FROM old
