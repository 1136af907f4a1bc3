-- name: list_items
-- Items of a pipeline by id, looked for among the next so many only: the page may be short, or empty, and there be
-- more. Returns each with the last id that was looked at; of a row without an item nothing but that counts.
WITH looked AS MATERIALIZED (
    SELECT s.item_id, s.state, s.attempts, s.crashes, s.wait_reason, s.next_at, s.error_category, s.last_error,
           s.degraded, s.from_store, s.updated_at
    FROM pipeline_state s
    WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id > %(after)s
    ORDER BY s.item_id LIMIT %(span)s
), found AS (
    SELECT i.item_id, i.phase, i.key, l.state, l.attempts, l.crashes, l.wait_reason, l.next_at, l.error_category,
           l.last_error, l.degraded, l.from_store, l.updated_at
    FROM looked l
    JOIN LATERAL (SELECT * FROM items i WHERE i.pipeline_id = %(pipeline_id)s AND i.item_id = l.item_id
                  AND (%(phase)s::text IS NULL OR i.phase = %(phase)s)) i ON true
    WHERE (%(state)s::text IS NULL OR l.state = %(state)s)
      AND (%(category)s::text IS NULL OR l.error_category = %(category)s)
    ORDER BY l.item_id LIMIT %(limit)s
)
SELECT e.last, e.looked, f.* FROM (SELECT max(item_id) AS last, count(*)::int AS looked FROM looked) e LEFT JOIN found f ON true
ORDER BY f.item_id

-- name: get_item
-- One item with its input, its result and the open dead letter of it.
SELECT i.item_id, i.phase, i.key, s.state, s.attempts, s.crashes, s.wait_reason, s.next_at, s.error_category,
       s.last_error, s.degraded, s.from_store, s.updated_at, i.input, i.value, s.job_id, r.payload, r.facts, r.recorded_at,
       (SELECT j.job_id FROM job_queue j
        WHERE j.state = 'dead_letter' AND j.item_ids[1] = i.item_id AND j.pipeline_id = i.pipeline_id)
FROM items i
JOIN pipeline_state s ON s.pipeline_id = i.pipeline_id AND s.item_id = i.item_id
LEFT JOIN results r ON r.pipeline_id = i.pipeline_id AND r.item_id = i.item_id
WHERE i.pipeline_id = %(pipeline_id)s AND i.item_id = %(item_id)s

-- name: find_job_of_item
-- The job it is in, or was in last.
SELECT j.job_id, j.state, j.fence, j.lease_holder, j.lease_until
FROM pipeline_state s JOIN job_queue j ON j.job_id = s.job_id
WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = %(item_id)s

-- name: list_calls_of_item
-- The calls that bought the facts of an item's result, oldest first.
SELECT c.call_id, c.provider, c.endpoint, c.state, c.outcome, c.status, c.units, c.money, c.duration_seconds, c.sent_at
FROM results r
CROSS JOIN LATERAL jsonb_array_elements(r.facts) f
JOIN provider_calls c ON c.call_id = (f ->> 'call_id')::uuid
WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = %(item_id)s
GROUP BY c.call_id ORDER BY c.sent_at, c.call_id

-- name: list_rankings_of_item
-- What a search found, in the order of its answer.
SELECT position, title, url, domain FROM rankings
WHERE pipeline_id = %(pipeline_id)s AND item_id = %(item_id)s ORDER BY ordinal
