-- name: select_sources
-- Stored answers behind completed items of a phase, by key.
SELECT i.key, f.fact_key::text, f.call_id::text, f.provider, f.endpoint, f.subject, f.fetched_at,
       CASE WHEN %(answers)s THEN f.answer::text END
FROM items i
JOIN results r ON r.pipeline_id = i.pipeline_id AND r.item_id = i.item_id
CROSS JOIN LATERAL jsonb_to_recordset(r.facts) AS u (key uuid, call_id uuid)
JOIN provider_facts f ON f.fact_key = u.key AND f.call_id = u.call_id
WHERE i.pipeline_id = %(pipeline_id)s AND i.phase = %(phase)s AND i.key = ANY(%(keys)s)
ORDER BY i.key, f.fact_key
