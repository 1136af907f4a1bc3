-- name: reopen_pipelines
-- Pipelines in which ended items are about to be put back; an ended one runs again, a cancelled one never. Returns
-- them, and whether they had ended.
WITH locked AS MATERIALIZED (
    SELECT pipeline_id, ended_at IS NOT NULL AS ended FROM pipelines
    WHERE pipeline_id = ANY(%(pipeline_ids)s) ORDER BY pipeline_id FOR NO KEY UPDATE
)
UPDATE pipelines p
SET state = CASE WHEN p.ended_at IS NULL THEN p.state ELSE 'running' END, ended_at = NULL, reopened = p.reopened + 1
FROM locked l
WHERE p.pipeline_id = l.pipeline_id AND p.state <> 'cancelled' AND NOT p.deleting
RETURNING p.pipeline_id, l.ended

-- name: revive_items
-- Failed and given-up items are due again, with all their attempts. One that killed workers stays a suspect. Returns them.
WITH chosen AS MATERIALIZED (
    SELECT s.pipeline_id, s.item_id, s.state, s.crashes, s.chunk, s.error_category, i.phase, i.batch_key, i.value
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
), unlisted AS (
    DELETE FROM failed_items f USING chosen c WHERE f.pipeline_id = c.pipeline_id AND f.item_id = c.item_id
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT c.pipeline_id, c.phase, d.name, sum(d.delta)
    FROM chosen c, LATERAL (VALUES
        (c.state, -1), ('pending', 1), ('failed.' || coalesce(c.error_category, ''), -1),
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
-- Failed and given-up items of a pipeline, by id. The counters say which kinds there are; of each the next ones stand
-- side by side in the index.
WITH kinds AS (
    SELECT phase, substr(name, length('failed.') + 1) AS category FROM counters
    WHERE pipeline_id = %(pipeline_id)s AND starts_with(name, 'failed.')
      AND (%(phase)s::text IS NULL OR phase = %(phase)s)
      AND (%(category)s::text IS NULL OR name = 'failed.' || %(category)s)
    GROUP BY phase, name HAVING sum(delta) > 0
), found AS MATERIALIZED (
    SELECT f.item_id FROM kinds k CROSS JOIN LATERAL (
        SELECT item_id FROM failed_items
        WHERE pipeline_id = %(pipeline_id)s AND phase = k.phase AND category = k.category AND item_id > %(after)s
        ORDER BY item_id LIMIT %(limit)s) f
    ORDER BY f.item_id LIMIT %(limit)s
)
SELECT s.item_id, i.phase, i.key, s.state, s.error_category, s.last_error, s.attempts, s.crashes, s.updated_at,
       j.job_id
FROM found f
JOIN pipeline_state s ON s.pipeline_id = %(pipeline_id)s AND s.item_id = f.item_id
JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
LEFT JOIN job_queue j ON j.state = 'dead_letter' AND j.item_ids[1] = s.item_id AND j.pipeline_id = s.pipeline_id
ORDER BY s.item_id

-- name: count_failed_items
-- The same, by phase and category; from counters, no item is read.
SELECT phase, substr(name, length('failed.') + 1), sum(delta)::int FROM counters
WHERE pipeline_id = %(pipeline_id)s AND starts_with(name, 'failed.')
  AND (%(phase)s::text IS NULL OR phase = %(phase)s)
  AND (%(category)s::text IS NULL OR name = 'failed.' || %(category)s)
GROUP BY phase, name HAVING sum(delta) > 0 ORDER BY phase, name

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
