-- name: select_keys
-- Every item of a pipeline.
SELECT phase, key FROM items WHERE pipeline_id = %(pipeline_id)s

-- name: select_ranked
-- What ranks, search by search.
SELECT i.key, r.position, r.url, r.domain
FROM rankings r JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s ORDER BY r.item_id, r.ordinal

-- name: select_results
-- The results of a phase.
SELECT i.key, r.payload::text
FROM results r JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = %(phase)s

-- name: find_broken_references
-- Rows whose counterpart is missing: what foreign keys would refuse.
WITH broken AS (
    SELECT 'item ' || coalesce(i.item_id, s.item_id)
           || CASE WHEN s.item_id IS NULL THEN ' has no state' ELSE ' has a state and is no item' END AS example
    FROM (SELECT item_id FROM items WHERE pipeline_id = %(pipeline_id)s) i
    FULL JOIN (SELECT item_id FROM pipeline_state WHERE pipeline_id = %(pipeline_id)s) s USING (item_id)
    WHERE i.item_id IS NULL OR s.item_id IS NULL
    UNION ALL
    SELECT DISTINCT 'item ' || k.item_id || ' has rankings and no result'
    FROM rankings k
    WHERE k.pipeline_id = %(pipeline_id)s AND NOT EXISTS (
        SELECT FROM results r WHERE r.pipeline_id = k.pipeline_id AND r.item_id = k.item_id)
    UNION ALL
    SELECT 'item ' || r.item_id || ' has a result of ' || r.phase
    FROM results r JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
    WHERE r.pipeline_id = %(pipeline_id)s AND r.phase <> i.phase
    UNION ALL
    SELECT 'job ' || j.job_id || ' holds item ' || held.item_id || ', which is no item of ' || j.job_type
    FROM job_queue j, unnest(j.item_ids) AS held (item_id)
    WHERE j.pipeline_id = %(pipeline_id)s AND NOT EXISTS (
        SELECT FROM items i
        WHERE i.pipeline_id = j.pipeline_id AND i.item_id = held.item_id AND i.phase = j.job_type)
    UNION ALL
    SELECT 'call ' || c.call_id || ' was made for job ' || c.job_id || ', which is no job of this pipeline'
    FROM provider_calls c
    WHERE c.pipeline_id = %(pipeline_id)s AND NOT EXISTS (
        SELECT FROM job_queue j WHERE j.job_id = c.job_id AND j.pipeline_id = c.pipeline_id)
)
SELECT example, count(*) OVER () FROM broken ORDER BY example LIMIT 5

-- name: compare_counters
-- Counters that differ from a count of the rows they stand for.
WITH counted AS (
    SELECT i.phase, d.name, count(*) AS n
    FROM pipeline_state s
    JOIN items i ON i.pipeline_id = s.pipeline_id AND i.item_id = s.item_id
    CROSS JOIN LATERAL (VALUES
        (s.state),
        ('waiting.' || s.wait_reason),
        (CASE WHEN s.state = 'skipped' AND s.error_category IN ('provider_unavailable', 'cancelled', 'left_out')
              THEN 'given_up' END),
        (CASE WHEN s.state = 'completed' AND s.degraded IS NOT NULL THEN 'degraded' END),
        (CASE WHEN s.state = 'completed' AND s.from_store THEN 'from_store' END),
        (CASE WHEN s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable'
              THEN 'failed.' || coalesce(s.error_category, '') END)) AS d (name)
    WHERE s.pipeline_id = %(pipeline_id)s AND d.name IS NOT NULL
    GROUP BY i.phase, d.name
), summed AS (
    SELECT phase, name, sum(delta) AS n FROM counters
    WHERE pipeline_id = %(pipeline_id)s
      AND (name IN ('pending', 'processing', 'completed', 'failed', 'skipped', 'given_up', 'degraded', 'from_store')
           OR starts_with(name, 'waiting.') OR starts_with(name, 'failed.'))
    GROUP BY phase, name
)
SELECT phase || ' has ' || coalesce(c.n, 0) || ' ' || name || ', the counter says ' || coalesce(s.n, 0),
       count(*) OVER ()
FROM counted c FULL JOIN summed s USING (phase, name)
WHERE coalesce(c.n, 0) <> coalesce(s.n, 0)
ORDER BY 1 LIMIT 5

-- name: find_unproven_completions
-- Items where completed and having a result are not the same.
SELECT 'item ' || item_id || CASE WHEN r.found THEN ' has a result and is ' || coalesce(s.state, 'no item')
                                  ELSE ' is completed and has no result' END,
       count(*) OVER ()
FROM (SELECT item_id, state FROM pipeline_state WHERE pipeline_id = %(pipeline_id)s) s
FULL JOIN (SELECT item_id, true AS found FROM results WHERE pipeline_id = %(pipeline_id)s) r USING (item_id)
WHERE coalesce(s.state = 'completed', false) <> coalesce(r.found, false)
ORDER BY item_id LIMIT 5

-- name: find_unheld_items
-- Items in processing that no live lease holds; the reaper gets a moment for leases that have just expired.
SELECT 'item ' || s.item_id || ' is processing in job ' || s.job_id || ', which has no live lease',
       count(*) OVER ()
FROM pipeline_state s
WHERE s.pipeline_id = %(pipeline_id)s AND s.state = 'processing' AND NOT EXISTS (
    SELECT FROM job_queue j
    WHERE j.job_id = s.job_id AND j.pipeline_id = s.pipeline_id AND s.item_id = ANY(j.item_ids)
      AND j.state = 'processing' AND j.lease_until > now() - make_interval(secs => %(grace)s))
ORDER BY s.item_id LIMIT 5

-- name: find_misplaced_items
-- Pending items that are not in exactly one of ready, waiting and a job yet to be claimed; failed and given-up ones that
-- are not listed as such; others that are in any.
-- A claimed job does not count: what it gives back stays among its items until it ends.
WITH places AS (
    SELECT item_id, 'ready' AS place FROM ready WHERE pipeline_id = %(pipeline_id)s
    UNION ALL
    SELECT item_id, 'waiting' FROM waiting WHERE pipeline_id = %(pipeline_id)s
    UNION ALL
    SELECT unnest(item_ids), 'job ' || job_id FROM job_queue
    WHERE pipeline_id = %(pipeline_id)s AND state IN ('pending', 'dispatched')
    UNION ALL
    SELECT item_id, 'failed_items' FROM failed_items WHERE pipeline_id = %(pipeline_id)s
), placed AS (
    SELECT item_id, count(*) AS places, bool_or(place = 'waiting') AS waits, bool_or(place = 'failed_items') AS failed,
           string_agg(place, ' and ' ORDER BY place) AS place
    FROM places GROUP BY item_id
)
SELECT 'item ' || item_id || ' is ' || coalesce(s.state, 'no item')
       || CASE WHEN s.waits THEN ' and waits' ELSE '' END || ', and stands in ' || coalesce(p.place, 'no place'),
       count(*) OVER ()
FROM (
    SELECT item_id, state, next_at IS NOT NULL AS waits,
           state = 'failed' OR state = 'skipped' AND coalesce(error_category, '') = 'provider_unavailable' AS failed
    FROM pipeline_state WHERE pipeline_id = %(pipeline_id)s
) s
FULL JOIN placed p USING (item_id)
WHERE coalesce(p.places, 0) <> CASE WHEN s.state = 'pending' OR s.failed THEN 1 ELSE 0 END
   OR s.waits IS DISTINCT FROM coalesce(p.waits, false) OR s.failed IS DISTINCT FROM coalesce(p.failed, false)
ORDER BY item_id LIMIT 5

-- name: find_unmatched_calls
-- Calls where being settled well and having a fact per subject are not the same.
SELECT 'call ' || c.call_id || ' is ' || c.state || coalesce(' (' || c.outcome || ')', '') || ', asked for '
       || c.subjects || ' and left ' || coalesce(f.facts, 0) || ' facts',
       count(*) OVER ()
FROM provider_calls c
LEFT JOIN LATERAL (
    SELECT count(*) AS facts FROM provider_facts f WHERE f.call_id = c.call_id
) f ON true
WHERE c.pipeline_id = %(pipeline_id)s
  AND f.facts <> CASE WHEN c.state = 'settled' AND c.outcome = 'ok' THEN c.subjects ELSE 0 END
ORDER BY c.call_id LIMIT 5

-- name: find_unsettled_calls
-- Calls still under way although the pipeline has ended; one that is just being cancelled may have some.
SELECT 'call ' || c.call_id || ' was sent at ' || c.sent_at || ' and never settled', count(*) OVER ()
FROM provider_calls c JOIN pipelines p ON p.pipeline_id = c.pipeline_id
WHERE c.pipeline_id = %(pipeline_id)s AND c.state = 'sent' AND p.ended_at IS NOT NULL AND NOT p.unsettled
ORDER BY c.call_id LIMIT 5

-- name: find_uncounted_spending
-- Money committed that is not what the pipeline's calls stand for, or not counted; calls that stand for another cost than
-- they had.
WITH wrong AS (
    SELECT 'the pipeline has ' || coalesce(b.committed::text, 'nothing') || ' committed, its calls stand for ' || c.money AS example
    FROM pipelines p
    LEFT JOIN pipeline_budgets b USING (pipeline_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(coalesce(committed_money, money)), 0) AS money FROM provider_calls WHERE pipeline_id = p.pipeline_id
    ) c
    WHERE p.pipeline_id = %(pipeline_id)s
      AND (b.committed IS NULL AND c.money > 0 OR abs(b.committed - c.money) > 1e-6 * (1 + b.committed))
    UNION ALL
    SELECT 'call ' || call_id || ' cost ' || units || ' units and stands for ' || committed_units
    FROM provider_calls
    WHERE pipeline_id = %(pipeline_id)s AND state <> 'sent'
      AND (committed_units IS DISTINCT FROM units AND committed_units IS NOT NULL AND units IS NOT NULL
           OR committed_money IS DISTINCT FROM money AND committed_money IS NOT NULL AND money IS NOT NULL)
)
SELECT example, count(*) OVER () FROM wrong ORDER BY example LIMIT 5

-- name: find_dangling_lineage
-- Results that name no fact, or one that is not stored. Closing phases buy nothing: they rest on all results.
SELECT 'the result of item ' || r.item_id || CASE WHEN ref.key IS NULL THEN ' names no fact'
       ELSE ' names fact ' || ref.key || ' of call ' || ref.call_id || ', which is not stored' END,
       count(*) OVER ()
FROM results r
LEFT JOIN LATERAL jsonb_to_recordset(r.facts) AS ref (key uuid, call_id uuid) ON true
LEFT JOIN provider_facts f ON f.fact_key = ref.key AND f.call_id = ref.call_id
WHERE r.pipeline_id = %(pipeline_id)s AND f.fact_key IS NULL AND r.phase <> ALL(%(closing)s)
ORDER BY r.item_id LIMIT 5

-- name: find_open_jobs
-- Jobs of an ended pipeline that are still to be done. One whose holder is alive is just being closed.
SELECT 'job ' || j.job_id || ' is ' || j.state, count(*) OVER ()
FROM job_queue j JOIN pipelines p ON p.pipeline_id = j.pipeline_id
WHERE j.pipeline_id = %(pipeline_id)s AND p.ended_at IS NOT NULL AND NOT p.unsettled
  AND (j.state IN ('pending', 'dispatched')
       OR j.state = 'processing' AND j.lease_until <= now() - make_interval(secs => %(grace)s))
ORDER BY j.job_id LIMIT 5

-- name: find_open_items
-- Items of an ended pipeline that are still to be done; one that is just being cancelled may have some.
SELECT 'item ' || s.item_id || ' is ' || s.state, count(*) OVER ()
FROM pipeline_state s JOIN pipelines p ON p.pipeline_id = s.pipeline_id
WHERE s.pipeline_id = %(pipeline_id)s AND p.ended_at IS NOT NULL AND NOT p.unsettled
  AND s.state IN ('pending', 'processing')
ORDER BY s.item_id LIMIT 5

-- name: sum_ledger
-- What the calls of a pipeline cost, by phase and provider; sums are unknown as soon as one addend is.
-- A call whose lease expired was closed by the reaper, which counts none.
SELECT j.job_type, c.provider, count(*)::int,
       (count(*) FILTER (WHERE c.state NOT IN ('sent', 'refunded') AND c.outcome <> 'lease_expired'))::int,
       (count(*) FILTER (WHERE c.state = 'in_doubt'))::int,
       CASE WHEN count(*) = count(c.units) THEN sum(c.units) END,
       CASE WHEN count(*) = count(c.money) THEN sum(c.money) END,
       (count(*) FILTER (WHERE c.units < 0 OR c.money < 0 OR c.units IS NULL AND c.money IS NOT NULL))::int
FROM provider_calls c
JOIN job_queue j ON j.job_id = c.job_id AND j.pipeline_id = c.pipeline_id
WHERE c.pipeline_id = %(pipeline_id)s
GROUP BY j.job_type, c.provider ORDER BY j.job_type, c.provider
