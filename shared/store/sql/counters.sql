-- name: fold_counters
-- Replaces the delta rows of a counter by their sum, the longest first; ended pipelines need it once.
WITH kept AS MATERIALIZED (
    -- Whoever deletes a pipeline waits for this, or this leaves it alone.
    SELECT pipeline_id FROM pipelines
    WHERE NOT deleting AND (ended_at IS NULL OR ended_at > now() - interval '10 minutes')
    FOR KEY SHARE SKIP LOCKED
), long AS MATERIALIZED (
    SELECT c.pipeline_id, c.phase, c.name
    FROM kept p JOIN counters c ON c.pipeline_id = p.pipeline_id
    GROUP BY 1, 2, 3 HAVING count(*) > 1
    ORDER BY count(*) DESC LIMIT 200
), folded AS (
    DELETE FROM counters c USING long l
    WHERE c.pipeline_id = l.pipeline_id AND c.phase = l.phase AND c.name = l.name
    RETURNING c.pipeline_id, c.phase, c.name, c.delta
)
INSERT INTO counters (pipeline_id, phase, name, delta)
SELECT pipeline_id, phase, name, sum(delta) FROM folded GROUP BY 1, 2, 3

-- name: end_pipelines
-- Ends the running pipelines in which nothing is open any more. Returns them with their end state.
UPDATE pipelines p
SET ended_at = now(),
    state = CASE WHEN c.mandatory_done = 0 THEN 'failed'
                 WHEN c.gaps > 0 THEN 'completed_with_gaps'
                 ELSE 'completed' END
FROM (
    SELECT c.pipeline_id, o.reopened,
           coalesce(sum(delta) FILTER (WHERE name IN ('pending', 'processing')), 0) AS open,
           coalesce(sum(delta) FILTER (WHERE name IN ('failed', 'given_up')), 0) AS gaps,
           coalesce(sum(delta) FILTER (WHERE name = 'completed' AND phase = ANY(%(mandatory)s)), 0) AS mandatory_done
    FROM counters c JOIN pipelines o ON o.pipeline_id = c.pipeline_id AND o.ended_at IS NULL
    GROUP BY c.pipeline_id, o.reopened
) c
-- Items put back since these counters were read: whoever did it has raised the number, and waited for this row or is waited for.
WHERE p.pipeline_id = c.pipeline_id AND p.state = 'running' AND c.open = 0 AND p.reopened = c.reopened
RETURNING p.pipeline_id::text, p.state

-- name: keep_closing
-- Until the end of the transaction nobody puts items of it back.
SELECT FROM pipelines WHERE pipeline_id = %(pipeline_id)s FOR NO KEY UPDATE

-- name: find_closing
-- Running pipelines, or this one, in which nothing is open but the phases that need no provider.
SELECT c.pipeline_id::text
FROM counters c JOIN pipelines p ON p.pipeline_id = c.pipeline_id AND p.ended_at IS NULL AND p.state = 'running'
WHERE (%(pipeline_id)s::uuid IS NULL OR c.pipeline_id = %(pipeline_id)s) AND c.name IN ('pending', 'processing')
GROUP BY c.pipeline_id
HAVING coalesce(sum(c.delta) FILTER (WHERE c.phase <> ALL(%(closing)s)), 0) = 0
   AND coalesce(sum(c.delta) FILTER (WHERE c.phase = ANY(%(closing)s) AND c.name = 'pending'), 0) > 0
