-- name: reopen_pipelines
-- Pipelines in which ended items are about to be put back; an ended one runs again, a cancelled one never. Returns
-- them, and whether they had ended.
WITH locked AS MATERIALIZED (
    SELECT pipeline_id, ended_at IS NOT NULL AS ended FROM pipelines
    WHERE pipeline_id = ANY(%(pipeline_ids)s) ORDER BY pipeline_id FOR UPDATE
)
UPDATE pipelines p
SET state = CASE WHEN p.ended_at IS NULL THEN p.state ELSE 'running' END, ended_at = NULL, reopened = p.reopened + 1
FROM locked l
WHERE p.pipeline_id = l.pipeline_id AND p.state <> 'cancelled' AND NOT p.deleting
RETURNING p.pipeline_id, l.ended

-- name: revive_items
-- Failed and given-up items are due again, with all their attempts. One that killed workers stays a suspect. Returns them.
WITH chosen AS MATERIALIZED (
    SELECT s.pipeline_id, s.item_id, s.state, s.crashes, s.chunk, i.phase, i.batch_key, i.value
    FROM unnest(%(pipeline_ids)s::uuid[], %(item_ids)s::bigint[]) AS c (pipeline_id, item_id)
    JOIN pipeline_state s ON s.pipeline_id = c.pipeline_id AND s.item_id = c.item_id
    JOIN items i ON i.pipeline_id = c.pipeline_id AND i.item_id = c.item_id
    WHERE s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable'
    ORDER BY s.pipeline_id, s.item_id FOR UPDATE OF s
), moved AS (
    UPDATE pipeline_state s
    SET state = 'pending', attempts = 0, crashes = least(c.crashes, 2), error_category = NULL, last_error = NULL,
        waiting_since = NULL, updated_at = now()
    FROM chosen c WHERE s.pipeline_id = c.pipeline_id AND s.item_id = c.item_id
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT pipeline_id, item_id, phase, batch_key, chunk, value FROM chosen
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT c.pipeline_id, c.phase, d.name, sum(d.delta)
    FROM chosen c, LATERAL (VALUES
        (c.state, -1), ('pending', 1),
        ('given_up', CASE WHEN c.state = 'skipped' THEN -1 ELSE 0 END)) AS d (name, delta)
    WHERE d.delta <> 0
    GROUP BY 1, 2, 3
)
SELECT pipeline_id, item_id FROM chosen

-- name: reset_closing
-- What rests on all results is computed anew: its items are due again, their results forgotten. One that is just being
-- computed is taken from its job, which then records nothing.
WITH chosen AS MATERIALIZED (
    SELECT s.pipeline_id, s.item_id, s.state, s.chunk, i.phase, i.batch_key, i.value
    FROM items i JOIN pipeline_state s ON s.pipeline_id = i.pipeline_id AND s.item_id = i.item_id
    WHERE i.pipeline_id = ANY(%(pipeline_ids)s) AND i.phase = ANY(%(closing)s) AND s.state IN ('processing', 'completed')
    ORDER BY s.pipeline_id, s.item_id FOR UPDATE OF s
), moved AS (
    UPDATE pipeline_state s SET state = 'pending', attempts = 0, updated_at = now()
    FROM chosen c WHERE s.pipeline_id = c.pipeline_id AND s.item_id = c.item_id
), forgotten AS (
    DELETE FROM results r USING chosen c WHERE r.pipeline_id = c.pipeline_id AND r.item_id = c.item_id
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT pipeline_id, item_id, phase, batch_key, chunk, value FROM chosen
)
INSERT INTO counters (pipeline_id, phase, name, delta)
SELECT c.pipeline_id, c.phase, d.name, sum(d.delta)
FROM chosen c, LATERAL (VALUES (c.state, -1), ('pending', 1)) AS d (name, delta)
GROUP BY 1, 2, 3

-- name: list_failed_items
-- Failed and given-up items of a pipeline, by id.
SELECT s.item_id, i.phase, i.key, s.state, s.error_category, s.last_error, s.attempts, s.crashes, s.updated_at,
       j.job_id
FROM pipeline_state s
JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
LEFT JOIN job_queue j ON j.state = 'dead_letter' AND j.item_ids[1] = s.item_id AND j.pipeline_id = s.pipeline_id
WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id > %(after)s
  AND (s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable')
  AND (%(phase)s::text IS NULL OR i.phase = %(phase)s)
  AND (%(category)s::text IS NULL OR s.error_category = %(category)s)
ORDER BY s.item_id LIMIT %(limit)s

-- name: count_failed_items
-- The same, by phase and category.
SELECT i.phase, coalesce(s.error_category, ''), count(*)::int
FROM pipeline_state s
JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
WHERE s.pipeline_id = %(pipeline_id)s
  AND (s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable')
  AND (%(phase)s::text IS NULL OR i.phase = %(phase)s)
  AND (%(category)s::text IS NULL OR s.error_category = %(category)s)
GROUP BY 1, 2 ORDER BY 1, 2

-- name: insert_action
-- What an operator does to items.
INSERT INTO item_actions (verb, actor, reason, selection, items, detail)
VALUES (%(verb)s, %(actor)s, %(reason)s, %(selection)s::jsonb, %(items)s, %(detail)s::jsonb)
RETURNING action_id

-- name: close_letters_of_items
-- Items that are tried again without their letters having been asked for take them along.
UPDATE job_queue SET state = 'replayed', fence = fence + 1
WHERE state = 'dead_letter' AND item_ids[1] = ANY(%(item_ids)s::bigint[])
RETURNING job_id

-- name: note_action
-- What an operator did belongs to the letter's history.
UPDATE job_queue SET actions = array_append(coalesce(actions, '{}'), %(action_id)s::bigint)
WHERE job_id = ANY(%(job_ids)s)
