-- name: list_dead_letters
-- Letters, the newest first.
SELECT j.job_id, j.pipeline_id, j.queue_name, j.job_type, j.state, i.item_id, i.key, j.fingerprint, j.error_category,
       j.last_error, j.attempts, j.crashes, j.ended_at
FROM job_queue j JOIN items i ON i.pipeline_id = j.pipeline_id AND i.item_id = j.item_ids[1]
WHERE j.fingerprint IS NOT NULL AND j.state = ANY(%(states)s) AND j.job_id < %(before)s
  AND (%(queue)s::text IS NULL OR j.queue_name = %(queue)s)
  AND (%(phase)s::text IS NULL OR j.job_type = %(phase)s)
  AND (%(category)s::text IS NULL OR j.error_category = %(category)s)
  AND (%(fingerprint)s::text IS NULL OR j.fingerprint = %(fingerprint)s)
  AND (%(pipeline_id)s::uuid IS NULL OR j.pipeline_id = %(pipeline_id)s)
ORDER BY j.job_id DESC LIMIT %(limit)s

-- name: group_dead_letters
-- Open letters by cause, the most frequent first, each with an example.
SELECT j.fingerprint, count(*)::int, min(j.error_category), array_agg(DISTINCT j.job_type), array_agg(DISTINCT j.queue_name),
       count(DISTINCT j.pipeline_id)::int, min(j.ended_at), max(j.ended_at), max(j.job_id),
       (array_agg(j.last_error ORDER BY j.job_id DESC))[1]
FROM job_queue j
WHERE j.state = 'dead_letter'
  AND (%(queue)s::text IS NULL OR j.queue_name = %(queue)s)
  AND (%(phase)s::text IS NULL OR j.job_type = %(phase)s)
  AND (%(category)s::text IS NULL OR j.error_category = %(category)s)
  AND (%(fingerprint)s::text IS NULL OR j.fingerprint = %(fingerprint)s)
  AND (%(pipeline_id)s::uuid IS NULL OR j.pipeline_id = %(pipeline_id)s)
GROUP BY j.fingerprint ORDER BY count(*) DESC, j.fingerprint LIMIT %(limit)s

-- name: get_dead_letter
-- One letter with its item's input and the state its item is in now.
SELECT j.job_id, j.pipeline_id, j.queue_name, j.job_type, j.state, i.item_id, i.key, j.fingerprint, j.error_category,
       j.last_error, j.attempts, j.crashes, j.ended_at, i.input, s.state
FROM job_queue j
JOIN items i ON i.pipeline_id = j.pipeline_id AND i.item_id = j.item_ids[1]
JOIN pipeline_state s ON s.pipeline_id = i.pipeline_id AND s.item_id = i.item_id
WHERE j.job_id = %(job_id)s AND j.fingerprint IS NOT NULL

-- name: list_actions
-- What operators did to one letter, oldest first.
SELECT a.verb, a.actor, a.reason, a.recorded_at, a.detail
FROM job_queue j JOIN item_actions a ON a.action_id = ANY(j.actions)
WHERE j.job_id = %(job_id)s ORDER BY a.action_id

-- name: list_attempts
-- Every attempt of an item that ended in an error, oldest first, with what its provider answered.
SELECT h.attempt, h.category, h.status, h.codes, h.error, coalesce(b.body, ''), h.delay_seconds, h.recorded_at
FROM retry_history h LEFT JOIN error_bodies b ON b.body_id = h.body_id
WHERE h.pipeline_id = %(pipeline_id)s AND h.item_id = %(item_id)s
ORDER BY h.recorded_at, h.attempt LIMIT %(limit)s
