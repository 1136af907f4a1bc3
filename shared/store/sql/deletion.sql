-- name: begin_deletion
-- From now on nobody sees or steers a pipeline that has ended and is settled. No row otherwise, or when it is being deleted already.
UPDATE pipelines SET deleting = true
WHERE pipeline_id = %(pipeline_id)s AND ended_at IS NOT NULL AND NOT unsettled AND NOT deleting
RETURNING pipeline_id

-- name: forget_doubts
-- Nobody decides about its purchases in doubt any more: they hold nobody up. Returns how many facts.
WITH forgotten AS (
    DELETE FROM doubted_facts d USING provider_calls c
    WHERE d.call_id = c.call_id AND c.pipeline_id = %(pipeline_id)s RETURNING 1
)
SELECT count(*)::int FROM forgotten

-- name: find_deleting
-- Pipelines of which something is left.
SELECT pipeline_id FROM pipelines WHERE deleting ORDER BY pipeline_id

-- name: delete_next_items
-- The next items of a pipeline that is being deleted, with all that stands about them. Returns how many.
WITH chosen AS MATERIALIZED (
    SELECT i.item_id FROM items i JOIN pipelines p ON p.pipeline_id = i.pipeline_id AND p.deleting
    WHERE i.pipeline_id = %(pipeline_id)s ORDER BY i.item_id LIMIT %(limit)s FOR UPDATE OF i SKIP LOCKED
), states AS (
    DELETE FROM pipeline_state t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
), due AS (
    DELETE FROM ready t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
), waits AS (
    DELETE FROM waiting t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
), evidence AS (
    DELETE FROM results t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
), ranked AS (
    DELETE FROM rankings t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
), unlisted AS (
    DELETE FROM failed_items t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
), untried AS (
    DELETE FROM retry_history t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
    RETURNING t.item_id, t.phase, t.category, t.recorded_at, t.next_at, t.delay_seconds
), uncounted AS (
    INSERT INTO retry_counters (minute, phase, category, attempts, retries, delay_seconds, items, recovered)
    SELECT date_trunc('minute', h.recorded_at, 'UTC'), h.phase, h.category, -count(*), -count(h.next_at),
           -coalesce(sum(h.delay_seconds), 0), -count(*) FILTER (WHERE h.age = 1),
           -count(*) FILTER (WHERE h.age = 1 AND s.state = 'completed')
    FROM (
        SELECT *, row_number() OVER (PARTITION BY item_id, category ORDER BY recorded_at DESC) AS age FROM untried
    ) h
    LEFT JOIN pipeline_state s ON s.pipeline_id = %(pipeline_id)s AND s.item_id = h.item_id
    GROUP BY 1, 2, 3
), gone AS (
    DELETE FROM items t USING chosen c WHERE t.pipeline_id = %(pipeline_id)s AND t.item_id = c.item_id
)
SELECT count(*)::int FROM chosen

-- name: delete_jobs
-- The next of its jobs, dead letters included. Returns how many.
WITH chosen AS MATERIALIZED (
    SELECT j.job_id FROM job_queue j JOIN pipelines p ON p.pipeline_id = j.pipeline_id AND p.deleting
    WHERE j.pipeline_id = %(pipeline_id)s LIMIT %(limit)s FOR UPDATE OF j SKIP LOCKED
), gone AS (
    DELETE FROM job_queue j USING chosen c WHERE j.job_id = c.job_id
)
SELECT count(*)::int FROM chosen

-- name: lock_deleting
-- Who was writing about it has written, and whoever is about to finds it deleted. A statement of its own before the
-- next one: so that one sees what was written.
SELECT FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND deleting FOR UPDATE

-- name: end_deletion
-- What is left of a pipeline without items. Its calls and facts stay: they were paid for; and what was done to it.
-- Returns whether it is gone by this.
WITH gone AS (
    DELETE FROM pipelines p WHERE p.pipeline_id = %(pipeline_id)s AND p.deleting
      AND NOT EXISTS (SELECT FROM items i WHERE i.pipeline_id = p.pipeline_id)
      AND NOT EXISTS (SELECT FROM job_queue j WHERE j.pipeline_id = p.pipeline_id)
    RETURNING p.pipeline_id
), counted AS (
    DELETE FROM counters c USING gone g WHERE c.pipeline_id = g.pipeline_id
), checkpoints AS (
    DELETE FROM pipeline_checkpoints c USING gone g WHERE c.pipeline_id = g.pipeline_id
), audits AS (
    DELETE FROM pipeline_audits a USING gone g WHERE a.pipeline_id = g.pipeline_id
), unlisted AS (
    DELETE FROM failed_items f USING gone g WHERE f.pipeline_id = g.pipeline_id
), untried AS (
    DELETE FROM retry_history h USING gone g WHERE h.pipeline_id = g.pipeline_id
    RETURNING h.item_id, h.phase, h.category, h.recorded_at, h.next_at, h.delay_seconds
), uncounted AS (
    -- Of items that were gone before: none of them is completed.
    INSERT INTO retry_counters (minute, phase, category, attempts, retries, delay_seconds, items, recovered)
    SELECT date_trunc('minute', h.recorded_at, 'UTC'), h.phase, h.category, -count(*), -count(h.next_at),
           -coalesce(sum(h.delay_seconds), 0), -count(*) FILTER (WHERE h.age = 1), 0
    FROM (
        SELECT *, row_number() OVER (PARTITION BY item_id, category ORDER BY recorded_at DESC) AS age FROM untried
    ) h
    GROUP BY 1, 2, 3
), waived AS (
    DELETE FROM gate_waivers w USING gone g WHERE w.pipeline_id = g.pipeline_id
), kept AS (
    DELETE FROM kept_reports k USING gone g WHERE k.pipeline_id = g.pipeline_id
), parts AS (
    DELETE FROM kept_report_parts k USING gone g WHERE k.pipeline_id = g.pipeline_id
), allowed AS (
    DELETE FROM pipeline_budgets b USING gone g WHERE b.pipeline_id = g.pipeline_id
)
SELECT EXISTS (SELECT FROM gone)
