-- name: get_item
-- One item with its state, the job it is in or was in last, and its result.
SELECT i.item_id, i.phase, i.key, i.input, s.state, s.attempts, s.crashes, s.wait_reason, s.next_at, s.waiting_since,
       s.error_category, s.last_error, s.degraded, s.from_store, s.updated_at,
       s.job_id, j.state, j.fence, j.lease_holder, j.lease_until, r.payload, r.recorded_at
FROM items i
JOIN pipeline_state s ON s.pipeline_id = i.pipeline_id AND s.item_id = i.item_id
LEFT JOIN job_queue j ON j.job_id = s.job_id
LEFT JOIN results r ON r.pipeline_id = i.pipeline_id AND r.item_id = i.item_id
WHERE i.pipeline_id = %(pipeline_id)s AND i.item_id = %(item_id)s

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
