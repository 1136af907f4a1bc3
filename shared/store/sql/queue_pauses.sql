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
