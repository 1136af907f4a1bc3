-- name: insert_pipeline
-- A running pipeline with its frozen configuration.
INSERT INTO pipelines (pipeline_id, label, config, config_hash, priority, give_up_after_seconds, item_caps, checkpoint_interval,
                       bypasses_breaker, single_items)
VALUES (%(pipeline_id)s, %(label)s, %(config)s::jsonb, %(config_hash)s, %(priority)s, %(give_up)s, %(caps)s::jsonb, %(interval)s,
        %(bypasses)s, %(single)s)

-- name: insert_budget
-- What a new pipeline may spend; null: no limit. What it spends is counted either way.
INSERT INTO pipeline_budgets (pipeline_id, budget) VALUES (%(pipeline_id)s, %(budget)s)

-- name: insert_states
-- Every item of a new pipeline is pending.
INSERT INTO pipeline_state (pipeline_id, item_id)
SELECT pipeline_id, item_id FROM items WHERE pipeline_id = %(pipeline_id)s

-- name: insert_ready
-- Every item of a new pipeline is due.
INSERT INTO ready (pipeline_id, item_id, phase, batch_key)
SELECT pipeline_id, item_id, phase, batch_key FROM items WHERE pipeline_id = %(pipeline_id)s

-- name: insert_counters
-- The first delta of every phase of a new pipeline, 0 for those whose items are still to be found.
INSERT INTO counters (pipeline_id, phase, name, delta)
SELECT %(pipeline_id)s, phase, 'pending', pending
FROM unnest(%(phases)s::text[], %(pending)s::bigint[]) AS p (phase, pending)

-- name: get_pipeline
-- One pipeline with its configuration.
SELECT pipeline_id, state, priority, config_hash, created_at, ended_at, config
FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting

-- name: get_stored_config
-- A pipeline's configuration, as it was written.
SELECT config FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting

-- name: get_pipeline_state
-- One pipeline without its configuration, which may be large.
SELECT state, created_at, ended_at, label FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting

-- name: list_pipelines
-- Pipelines with how many items they have, how many of those are still open, and their money, the newest first; those after a place
-- in that order, and by every condition that is given.
SELECT p.pipeline_id, p.label, p.state, p.priority, p.created_at, p.ended_at,
       coalesce(c.items, 0)::bigint, coalesce(c.open, 0)::bigint, b.budget, b.committed
FROM (
    SELECT * FROM pipelines
    WHERE NOT deleting
      AND (%(states)s::text[] IS NULL OR state = ANY(%(states)s))
      AND (%(name)s::text IS NULL OR strpos(lower(label), lower(%(name)s)) > 0)
      AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
      AND (%(after_at)s::timestamptz IS NULL OR (created_at, pipeline_id) < (%(after_at)s, %(after_id)s::uuid))
    ORDER BY created_at DESC, pipeline_id DESC LIMIT %(limit)s) p
LEFT JOIN pipeline_budgets b ON b.pipeline_id = p.pipeline_id AND b.budget IS NOT NULL
LEFT JOIN LATERAL (
    SELECT sum(delta) FILTER (WHERE name IN ('pending', 'processing', 'completed', 'failed', 'skipped')) AS items,
           sum(delta) FILTER (WHERE name IN ('pending', 'processing')) AS open
    FROM counters WHERE pipeline_id = p.pipeline_id
) c ON true
ORDER BY p.created_at DESC, p.pipeline_id DESC
