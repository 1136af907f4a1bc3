-- name: list_ended
-- Ended items of a phase.
SELECT s.item_id FROM pipeline_state s JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
WHERE s.pipeline_id = %(pipeline_id)s AND i.phase = %(phase)s AND s.state IN ('completed', 'failed', 'skipped')

-- name: expire_facts_of_items
-- What these items rest on answers nothing any more, and stays: other results may rest on it. Returns how many.
WITH expired AS (
    UPDATE provider_facts f SET fetched_at = 'epoch'
    FROM results r CROSS JOIN LATERAL jsonb_to_recordset(r.facts) AS ref (key uuid, call_id uuid)
    WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = ANY(%(item_ids)s)
      AND f.fact_key = ref.key AND f.call_id = ref.call_id
    RETURNING 1
)
SELECT count(*)::int FROM expired

-- name: void_checkpoints
-- What checkpoints of the pipeline stand for is no more. Returns how many.
WITH gone AS (DELETE FROM pipeline_checkpoints WHERE pipeline_id = %(pipeline_id)s RETURNING 1)
SELECT count(*)::int FROM gone
