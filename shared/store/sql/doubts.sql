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
WITH before AS MATERIALIZED (
    SELECT call_id, coalesce(units, 0) AS units FROM provider_calls WHERE call_id = ANY(%(call_ids)s::uuid[])
), decided AS (
    UPDATE provider_calls
    SET decision = %(decision)s, fact_keys = NULL,
        state = CASE WHEN %(decision)s = 'rebuy' THEN state ELSE 'settled' END,
        units = CASE %(decision)s WHEN 'charged' THEN committed_units WHEN 'not_charged' THEN 0 ELSE units END,
        money = CASE %(decision)s WHEN 'charged' THEN committed_money WHEN 'not_charged' THEN 0 * committed_money
                ELSE money END
    WHERE call_id = ANY(%(call_ids)s::uuid[])
    RETURNING call_id, provider, sent_at, units
), charged AS (
    INSERT INTO provider_counters (minute, provider, calls, units)
    SELECT date_trunc('minute', c.sent_at, 'UTC'), c.provider, 0, sum(coalesce(c.units, 0) - b.units)
    FROM decided c JOIN before b USING (call_id) WHERE coalesce(c.units, 0) <> b.units GROUP BY 1, 2
)
DELETE FROM doubted_facts d USING decided c WHERE d.call_id = c.call_id

-- name: wake_in_doubt
-- Items that a purchase in doubt holds up look again.
UPDATE waiting SET next_at = now() WHERE reason = 'in_doubt' AND next_at > now()

-- name: delete_old_doubts
-- Facts in doubt whose pipeline is gone, so that nobody can decide; or has ended so long ago, and that no policy needs:
-- neither is any freshness so long, nor any open pipeline so old, that a purchase of then would do.
WITH longest AS MATERIALIZED (
    SELECT greatest(
        (SELECT max(freshness_seconds) FROM provider_profiles),
        (SELECT max(f.value::float8) FROM pipelines p, jsonb_each_text(p.config -> 'freshness') f WHERE p.ended_at IS NULL),
        0) AS seconds
)
DELETE FROM doubted_facts WHERE (fact_key, call_id) IN (
    SELECT d.fact_key, d.call_id
    FROM doubted_facts d JOIN provider_calls c ON c.call_id = d.call_id
    LEFT JOIN pipelines p ON p.pipeline_id = c.pipeline_id AND NOT p.deleting
    WHERE p.pipeline_id IS NULL
       OR p.ended_at < now() - make_interval(days => %(days)s)
          AND c.sent_at < now() - make_interval(secs => (SELECT seconds FROM longest))
          AND NOT EXISTS (SELECT FROM pipelines o WHERE o.ended_at IS NULL AND o.created_at < c.sent_at)
    LIMIT %(limit)s)
