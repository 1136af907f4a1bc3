-- name: insert_letter_operation
-- Counts the open letters of a selection, and makes an operation of it if they are more than `least`. One statement:
-- what is counted is what there was up to the newest job.
INSERT INTO operations (kind, selection, last_job_id, matched, actor, reason)
SELECT %(kind)s::text, %(asked)s::jsonb, (SELECT coalesce(max(job_id), 0) FROM job_queue), count(*), %(actor)s, %(reason)s
FROM job_queue j
WHERE j.state = 'dead_letter'
  AND (%(job_ids)s::bigint[] IS NULL OR j.job_id = ANY(%(job_ids)s))
  AND (%(queue)s::text IS NULL OR j.queue_name = %(queue)s)
  AND (%(phase)s::text IS NULL OR j.job_type = %(phase)s)
  AND (%(category)s::text IS NULL OR j.error_category = %(category)s)
  AND (%(fingerprint)s::text IS NULL OR j.fingerprint = %(fingerprint)s)
  AND (%(pipeline_id)s::uuid IS NULL OR j.pipeline_id = %(pipeline_id)s)
HAVING count(*) > %(least)s
RETURNING operation_id

-- name: insert_retry_operation
-- The same of a pipeline's failed and given-up items, of which at most `most` are wanted.
INSERT INTO operations (kind, selection, last_job_id, matched, actor, reason)
SELECT 'retry_failed', %(asked)s::jsonb, 0, least(count(*), %(most)s::bigint), %(actor)s, %(reason)s
FROM failed_items
WHERE pipeline_id = %(pipeline_id)s
  AND (%(phase)s::text IS NULL OR phase = %(phase)s)
  AND (%(category)s::text IS NULL OR category = %(category)s)
HAVING least(count(*), %(most)s::bigint) > %(least)s
RETURNING operation_id

-- name: list_operations
-- The newest first, before an operation.
SELECT operation_id, kind, state, matched, done, failed, selection, actor, reason, detail, created_at, started_at, ended_at
FROM operations
WHERE operation_id < %(before)s AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY operation_id DESC LIMIT %(limit)s

-- name: get_operation
-- One operation.
SELECT operation_id, kind, state, matched, done, failed, selection, actor, reason, detail, created_at, started_at, ended_at
FROM operations WHERE operation_id = %(operation_id)s

-- name: take_operation
-- The oldest one that has not ended, until the end of the transaction; one that somebody else has in hand is passed over.
WITH taken AS MATERIALIZED (
    SELECT operation_id FROM operations WHERE ended_at IS NULL
    ORDER BY operation_id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE operations o SET state = 'running', started_at = coalesce(o.started_at, now())
FROM taken t WHERE o.operation_id = t.operation_id
RETURNING o.operation_id, o.kind, o.selection, o.last_job_id, o.position, o.matched, o.done, o.actor, o.reason, o.created_at

-- name: select_retried_items
-- The next failed and given-up items of a pipeline that had ended so when it was asked for, by id.
SELECT f.item_id FROM failed_items f
JOIN pipeline_state s ON s.pipeline_id = f.pipeline_id AND s.item_id = f.item_id
WHERE f.pipeline_id = %(pipeline_id)s AND f.item_id > %(after)s AND s.updated_at <= %(asked_at)s
  AND (%(phase)s::text IS NULL OR f.phase = %(phase)s)
  AND (%(category)s::text IS NULL OR f.category = %(category)s)
ORDER BY f.item_id LIMIT %(limit)s

-- name: advance_operation
-- So far it has come. What became visible only after it was counted raises the count.
UPDATE operations
SET position = %(position)s, done = done + %(done)s, failed = failed + %(failed)s,
    matched = greatest(matched, done + failed + %(done)s + %(failed)s)
WHERE operation_id = %(operation_id)s

-- name: end_operation
-- It has ended, unless it had before, or has gone on from a position that is given. One that failed at its first chunk had begun all the same.
UPDATE operations
SET state = %(state)s, detail = %(detail)s, ended_at = now(),
    started_at = CASE WHEN %(state)s = 'cancelled' THEN started_at ELSE coalesce(started_at, now()) END
WHERE operation_id = %(operation_id)s AND ended_at IS NULL AND position = coalesce(%(position)s, position)
RETURNING operation_id
