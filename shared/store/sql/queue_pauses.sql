-- name: pause_queue
-- No job of it is formed or claimed from now on. No row when it is paused already.
INSERT INTO circuit_breakers AS b (service, paused_at, paused_by, pause_reason)
VALUES (%(service)s, now(), %(actor)s, %(reason)s)
ON CONFLICT (service) DO UPDATE
SET paused_at = excluded.paused_at, paused_by = excluded.paused_by, pause_reason = excluded.pause_reason
WHERE b.paused_at IS NULL
RETURNING b.service

-- name: unpause_queue
-- It goes on. No row when it is not paused.
UPDATE circuit_breakers SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, unpaused_at = now()
WHERE service = %(service)s AND paused_at IS NOT NULL
RETURNING service

-- name: withdraw_queue_jobs
-- Jobs of a queue that nobody has claimed are over, and their items due again. Returns how many jobs.
WITH withdrawn AS (
    UPDATE job_queue SET state = 'expired', fence = fence + 1, ended_at = now()
    WHERE queue_name = %(service)s AND state IN ('pending', 'dispatched')
    RETURNING pipeline_id, item_ids
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT i.pipeline_id, i.item_id, i.phase, i.batch_key, s.chunk, i.value
    FROM withdrawn w
    JOIN pipeline_state s ON s.pipeline_id = w.pipeline_id AND s.item_id = ANY(w.item_ids) AND s.state = 'pending'
    JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
)
SELECT count(*)::int FROM withdrawn

-- name: find_paused_queues
-- Queues that are paused.
SELECT service, paused_at, paused_by, pause_reason FROM circuit_breakers WHERE paused_at IS NOT NULL ORDER BY service

-- name: insert_queue_action
-- What was done to a queue, by whom and why.
INSERT INTO queue_actions (queue_name, action, actor, reason, detail)
VALUES (%(service)s, %(action)s, %(actor)s, %(reason)s, jsonb_build_object('jobs_withdrawn', %(withdrawn)s::int))

-- name: list_queue_actions
-- What was done to a queue, newest first.
SELECT action, actor, reason, detail::text, done_at FROM queue_actions
WHERE queue_name = %(service)s ORDER BY action_id DESC LIMIT %(limit)s
