-- name: list_doubted_calls
-- Calls of a pipeline without a known end, the newest first.
SELECT call_id, provider, endpoint, subjects, outcome, error, sent_at, committed_units, committed_money, decision,
       EXISTS (SELECT FROM doubted_facts d WHERE d.call_id = c.call_id)
FROM provider_calls c
WHERE pipeline_id = %(pipeline_id)s AND state = 'in_doubt'
ORDER BY call_id DESC LIMIT %(limit)s

-- name: find_decidable_calls
-- Calls of a pipeline in doubt about which nobody has decided, or those of them with these ids.
SELECT call_id::text FROM provider_calls
WHERE pipeline_id = %(pipeline_id)s AND state = 'in_doubt' AND decision IS NULL
  AND (%(call_ids)s::uuid[] IS NULL OR call_id = ANY(%(call_ids)s))
ORDER BY call_id FOR UPDATE

-- name: decide_calls
-- Their facts may be bought again. What they cost is what was set aside, nothing, or stays unknown.
WITH decided AS (
    UPDATE provider_calls
    SET decision = %(decision)s, fact_keys = NULL,
        state = CASE WHEN %(decision)s = 'rebuy' THEN state ELSE 'settled' END,
        units = CASE %(decision)s WHEN 'charged' THEN committed_units WHEN 'not_charged' THEN 0 ELSE units END,
        money = CASE %(decision)s WHEN 'charged' THEN committed_money WHEN 'not_charged' THEN 0 * committed_money
                ELSE money END
    WHERE call_id = ANY(%(call_ids)s::uuid[])
    RETURNING call_id
)
DELETE FROM doubted_facts d USING decided c WHERE d.call_id = c.call_id

-- name: wake_in_doubt
-- Items that a purchase in doubt holds up look again.
UPDATE waiting SET next_at = now() WHERE reason = 'in_doubt' AND next_at > now()
