-- name: select_waivers
-- Gates of a pipeline's report that somebody lets pass.
SELECT gate, actor, reason, waived_at FROM gate_waivers WHERE pipeline_id = %(pipeline_id)s ORDER BY gate

-- name: upsert_waiver
-- Lets a gate pass; the last word counts. No row when there is no such pipeline.
WITH kept AS MATERIALIZED (
    SELECT pipeline_id FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting FOR KEY SHARE
)
INSERT INTO gate_waivers (pipeline_id, gate, actor, reason)
SELECT pipeline_id, %(gate)s, %(actor)s, %(reason)s FROM kept
ON CONFLICT (pipeline_id, gate) DO UPDATE SET actor = excluded.actor, reason = excluded.reason, waived_at = now()

-- name: delete_waiver
-- Takes it back.
DELETE FROM gate_waivers WHERE pipeline_id = %(pipeline_id)s AND gate = %(gate)s RETURNING gate
