-- name: lock_earlier
-- Nobody deletes the earlier pipeline, or changes where it stands, before what it has completed is taken over.
SELECT FROM pipelines WHERE pipeline_id = %(earlier)s AND NOT deleting FOR SHARE

-- name: copy_results
-- Completed items of a phase in the earlier pipeline complete the same items of this one, without a call: results,
-- rankings and lineage. Where the configuration makes the items they must ask the same. Returns how many.
WITH pair AS MATERIALIZED (
    SELECT n.item_id, o.item_id AS earlier_id, os.degraded
    FROM items n
    JOIN pipeline_state ns ON ns.pipeline_id = n.pipeline_id AND ns.item_id = n.item_id AND ns.state = 'pending'
    JOIN items o ON o.pipeline_id = %(earlier)s AND o.phase = n.phase AND o.key = n.key
    JOIN pipeline_state os ON os.pipeline_id = o.pipeline_id AND os.item_id = o.item_id AND os.state = 'completed'
    WHERE n.pipeline_id = %(pipeline_id)s AND n.phase = %(phase)s AND (%(found)s OR n.input = o.input)
), copied AS (
    INSERT INTO results (pipeline_id, item_id, phase, payload, facts)
    SELECT %(pipeline_id)s, p.item_id, r.phase, r.payload, r.facts
    FROM pair p JOIN results r ON r.pipeline_id = %(earlier)s AND r.item_id = p.earlier_id
), ranked AS (
    INSERT INTO rankings (pipeline_id, item_id, position, ordinal, url, domain, title, snippet, source, published, length)
    SELECT %(pipeline_id)s, p.item_id, k.position, k.ordinal, k.url, k.domain, k.title, k.snippet, k.source,
           k.published, k.length
    FROM pair p JOIN rankings k ON k.pipeline_id = %(earlier)s AND k.item_id = p.earlier_id
), undue AS (
    DELETE FROM ready r USING pair p WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = p.item_id
), completed AS (
    UPDATE pipeline_state s SET state = 'completed', from_store = true, degraded = p.degraded, updated_at = now()
    FROM pair p WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = p.item_id
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT %(pipeline_id)s, %(phase)s, d.name, sum(d.delta)
    FROM pair p, LATERAL (VALUES
        ('pending', -1), ('completed', 1), ('from_store', 1), (CASE WHEN p.degraded IS NOT NULL THEN 'degraded' END, 1)) AS d (name, delta)
    WHERE d.name IS NOT NULL
    GROUP BY d.name
)
SELECT count(*)::int FROM pair

-- name: leave_out
-- Items that were neither completed nor failed in the earlier pipeline are skipped in this one; each is a gap.
-- Returns how many.
WITH left_out AS (
    UPDATE pipeline_state s SET state = 'skipped', error_category = 'left_out', updated_at = now(),
           last_error = 'left out: only what had failed in the earlier pipeline was asked for'
    FROM items n
    JOIN items o ON o.pipeline_id = %(earlier)s AND o.phase = n.phase AND o.key = n.key
    JOIN pipeline_state os ON os.pipeline_id = o.pipeline_id AND os.item_id = o.item_id
         AND os.state NOT IN ('completed', 'failed')
    WHERE s.pipeline_id = %(pipeline_id)s AND n.pipeline_id = s.pipeline_id AND n.item_id = s.item_id
      AND s.state = 'pending' AND n.phase <> ALL(%(closing)s)
    RETURNING s.item_id, n.phase
), undue AS (
    DELETE FROM ready r USING left_out l WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = l.item_id
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT %(pipeline_id)s, phase, d.name, d.sign * count(*)
    FROM left_out, (VALUES ('pending', -1), ('skipped', 1), ('given_up', 1)) AS d (name, sign)
    GROUP BY phase, d.name, d.sign
)
SELECT count(*)::int FROM left_out
