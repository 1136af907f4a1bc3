-- name: insert_dead_letters
-- Items that were given up, each as a job of its own. A letter still open for the same item is told the new error.
INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, priority, state, ended_at,
                       fingerprint, error_category, last_error, attempts, crashes)
SELECT s.pipeline_id, l.queue, l.phase, ARRAY[s.item_id], p.priority, 'dead_letter', now(),
       l.fingerprint, l.category, l.error, s.attempts, s.crashes
FROM json_to_recordset(%(letters)s::json) AS l (
    pipeline_id uuid, item_id bigint, queue text, phase text, fingerprint text, category text, error text)
JOIN pipeline_state s ON s.pipeline_id = l.pipeline_id AND s.item_id = l.item_id
JOIN pipelines p ON p.pipeline_id = l.pipeline_id
ORDER BY l.item_id
ON CONFLICT ((item_ids[1])) WHERE state = 'dead_letter' DO UPDATE
SET fingerprint = excluded.fingerprint, error_category = excluded.error_category, last_error = excluded.last_error,
    attempts = excluded.attempts, crashes = excluded.crashes, ended_at = now()

-- name: find_unknown_letters
-- Which of these ids are no letters, open or closed.
SELECT asked.job_id FROM unnest(%(job_ids)s::bigint[]) AS asked (job_id)
WHERE NOT EXISTS (SELECT FROM job_queue j WHERE j.job_id = asked.job_id AND j.fingerprint IS NOT NULL)
ORDER BY 1 LIMIT 5

-- name: get_newest_job
-- Id of the newest job: what dies later is not part of what is replayed now.
SELECT coalesce(max(job_id), 0) FROM job_queue

-- name: select_dead_letters
-- The next open letters of a selection, by id.
SELECT j.job_id, j.pipeline_id FROM job_queue j
WHERE j.state = 'dead_letter' AND j.job_id > %(after)s AND j.job_id <= %(last)s
  AND (%(job_ids)s::bigint[] IS NULL OR j.job_id = ANY(%(job_ids)s))
  AND (%(queue)s::text IS NULL OR j.queue_name = %(queue)s)
  AND (%(phase)s::text IS NULL OR j.job_type = %(phase)s)
  AND (%(category)s::text IS NULL OR j.error_category = %(category)s)
  AND (%(fingerprint)s::text IS NULL OR j.fingerprint = %(fingerprint)s)
  AND (%(pipeline_id)s::uuid IS NULL OR j.pipeline_id = %(pipeline_id)s)
ORDER BY j.job_id LIMIT %(limit)s

-- name: close_dead_letters
-- Letters that are replayed or discarded, unless somebody else was faster; the higher fence makes every message of
-- them void. Returns them with their items.
UPDATE job_queue SET state = %(state)s, fence = fence + 1
WHERE job_id = ANY(%(job_ids)s) AND state = 'dead_letter'
RETURNING job_id, pipeline_id, item_ids[1]

-- name: close_moot_letters
-- Letters of a queue whose item is no longer failed: it was put back by other means than a replay. One whose item
-- died again meanwhile is told the new error, and stays: that is seen after the lock.
WITH moot AS MATERIALIZED (
    SELECT j.job_id, j.ended_at FROM job_queue j
    WHERE j.queue_name = %(queue)s AND j.state = 'dead_letter' AND NOT EXISTS (
        SELECT FROM pipeline_state s
        WHERE s.pipeline_id = j.pipeline_id AND s.item_id = j.item_ids[1] AND s.state = 'failed')
)
UPDATE job_queue j
SET state = 'replayed', fence = j.fence + 1
FROM moot m
WHERE j.job_id = m.job_id AND j.state = 'dead_letter' AND j.ended_at = m.ended_at

-- name: lock_letter
-- Until the end of the transaction nobody replays or discards it.
SELECT FROM job_queue WHERE job_id = %(job_id)s FOR UPDATE

-- name: edit_input
-- The input of an open letter's item.
UPDATE items i SET input = %(input)s::jsonb
FROM job_queue j
WHERE j.job_id = %(job_id)s AND j.state = 'dead_letter' AND i.pipeline_id = j.pipeline_id AND i.item_id = j.item_ids[1]

-- name: select_letter_messages
-- Open letters of a queue as messages, the newest first.
SELECT job_id, fence FROM job_queue
WHERE queue_name = %(queue)s AND state = 'dead_letter'
ORDER BY job_id DESC LIMIT %(limit)s

-- name: redispatch_bare
-- A job whose message ended up among the dead ones is sent again by its dispatcher's next round: it counts as sent
-- long ago.
UPDATE job_queue SET fence = fence + 1, state = 'dispatched', dispatched_at = 'epoch'
WHERE job_id = %(job_id)s AND queue_name = %(queue)s AND state IN ('pending', 'dispatched')
RETURNING job_id

-- name: get_job_state
-- What became of a job.
SELECT state FROM job_queue WHERE job_id = %(job_id)s AND queue_name = %(queue)s
