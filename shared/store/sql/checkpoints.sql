-- name: count_items
-- Items by pipeline and phase, of pipelines that write checkpoints and work or have just ended: completed, open, ended.
SELECT p.pipeline_id::text, p.checkpoint_interval, c.phase,
       coalesce(sum(c.delta) FILTER (WHERE c.name = 'completed'), 0)::bigint,
       coalesce(sum(c.delta) FILTER (WHERE c.name IN ('pending', 'processing')), 0)::bigint,
       coalesce(sum(c.delta) FILTER (WHERE c.name IN ('completed', 'failed', 'skipped')), 0)::bigint
FROM pipelines p JOIN counters c ON c.pipeline_id = p.pipeline_id
WHERE p.checkpoint_interval IS NOT NULL AND NOT p.deleting AND (p.ended_at IS NULL OR p.ended_at > now() - interval '1 minute')
GROUP BY 1, 2, 3

-- name: find_last
-- Per pipeline and phase the newest checkpoint of each kind that is written by itself: items completed then.
SELECT DISTINCT ON (pipeline_id, kind, phase) pipeline_id::text, phase,
       CASE WHEN kind = 'phase' THEN coalesce((counts -> phase ->> 'completed')::bigint, 0) ELSE completed END
FROM pipeline_checkpoints
WHERE pipeline_id = ANY(%(pipeline_ids)s::uuid[]) AND kind <> 'named'
ORDER BY pipeline_id, kind, phase, checkpoint_id DESC

-- name: lock_pipeline
-- One after the other: what is written about a pipeline's position, and what changes it. Null: it writes none.
SELECT state, unsettled, checkpoint_interval FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting
FOR NO KEY UPDATE

-- name: insert_checkpoint
-- The position of this very moment: the newest checkpoint, and what was recorded since. No row when the name is taken.
WITH previous AS MATERIALIZED (
    SELECT position, completed, content FROM pipeline_checkpoints
    WHERE pipeline_id = %(pipeline_id)s ORDER BY checkpoint_id DESC LIMIT 1
), since AS (
    SELECT count(*) AS completed, bit_xor(content) AS content FROM result_contents
    WHERE pipeline_id = %(pipeline_id)s AND phase <> ALL(%(closing)s)
      AND recorded_in >= coalesce((SELECT pg_snapshot_xmin(position) FROM previous), '0'::xid8)
      AND NOT coalesce(pg_visible_in_snapshot(recorded_in, (SELECT position FROM previous)), false)
), counted AS (
    SELECT jsonb_object_agg(phase, states) AS counts FROM (
        SELECT phase, jsonb_object_agg(name, total) AS states FROM (
            SELECT phase, name, sum(delta) AS total FROM counters
            WHERE pipeline_id = %(pipeline_id)s AND name IN ('pending', 'processing', 'completed', 'failed', 'skipped')
            GROUP BY phase, name) n
        GROUP BY phase) p
)
INSERT INTO pipeline_checkpoints (
    pipeline_id, name, kind, phase, position, completed, counts, config_hash, content)
SELECT p.pipeline_id, %(name)s, %(kind)s, %(phase)s, pg_current_snapshot(),
       s.completed + coalesce((SELECT completed FROM previous), 0), coalesce(c.counts, '{}'), p.config_hash,
       coalesce(s.content, repeat('0', 128)::bit(128)) # coalesce((SELECT content FROM previous), repeat('0', 128)::bit(128))
FROM pipelines p, since s, counted c
WHERE p.pipeline_id = %(pipeline_id)s
ON CONFLICT (pipeline_id, name) DO NOTHING
RETURNING checkpoint_id

-- name: list_checkpoints
-- Checkpoints of a pipeline, newest first; of one name, if one is given.
SELECT checkpoint_id, name, kind, phase, completed, counts, config_hash, content::text, created_at
FROM pipeline_checkpoints
WHERE pipeline_id = %(pipeline_id)s AND (%(name)s::text IS NULL OR name = %(name)s)
ORDER BY checkpoint_id DESC LIMIT %(limit)s

-- name: recount_checkpoint
-- What is in the record of all that was recorded before a checkpoint: results, their content, the configuration's hash.
SELECT count(r.item_id)::bigint, coalesce(bit_xor(r.content), repeat('0', 128)::bit(128))::text,
       (SELECT config_hash FROM pipelines WHERE pipeline_id = %(pipeline_id)s)
FROM pipeline_checkpoints c
LEFT JOIN result_contents r ON r.pipeline_id = c.pipeline_id AND r.phase <> ALL(%(closing)s)
     AND pg_visible_in_snapshot(r.recorded_in, c.position)
WHERE c.checkpoint_id = %(checkpoint_id)s

-- name: find_later
-- Items that were completed after a checkpoint, exactly, or that failed or were skipped after it, by the clock.
SELECT r.item_id FROM results r JOIN pipeline_checkpoints c ON c.checkpoint_id = %(checkpoint_id)s
WHERE r.pipeline_id = %(pipeline_id)s AND NOT pg_visible_in_snapshot(r.recorded_in, c.position)
UNION ALL
SELECT s.item_id FROM pipeline_state s JOIN pipeline_checkpoints c ON c.checkpoint_id = %(checkpoint_id)s
WHERE s.pipeline_id = %(pipeline_id)s AND s.state IN ('failed', 'skipped') AND s.updated_at > c.created_at

-- name: expire_facts
-- What was bought after a checkpoint, by this pipeline or for its later results, answers nothing any more. It stays:
-- other results may rest on it. Returns how many.
WITH later AS (
    SELECT f.fact_key, f.call_id
    FROM provider_calls l JOIN provider_facts f ON f.call_id = l.call_id
    WHERE l.pipeline_id = %(pipeline_id)s
    UNION
    SELECT ref.key, ref.call_id
    FROM results r CROSS JOIN LATERAL jsonb_to_recordset(r.facts) AS ref (key uuid, call_id uuid)
    WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = ANY(%(item_ids)s)
), expired AS (
    UPDATE provider_facts f SET fetched_at = 'epoch'
    FROM later l, pipeline_checkpoints c
    WHERE c.checkpoint_id = %(checkpoint_id)s AND f.fact_key = l.fact_key AND f.call_id = l.call_id
      AND f.fetched_at > c.created_at
    RETURNING 1
)
SELECT count(*)::int FROM expired

-- name: delete_items
-- Items of a phase that nothing names any more, with all that stands about them. Jobs that held them forget them;
-- a dead letter is of one item alone, and goes with it. Returns how many.
WITH gone AS (
    DELETE FROM items WHERE pipeline_id = %(pipeline_id)s AND phase = %(phase)s AND key = ANY(%(keys)s)
    RETURNING pipeline_id, item_id, phase
), stateless AS (
    DELETE FROM pipeline_state s USING gone g WHERE s.pipeline_id = %(pipeline_id)s AND s.item_id = g.item_id
    RETURNING s.state, s.wait_reason,
              s.state = 'completed' AND s.degraded IS NOT NULL AS degraded, s.state = 'completed' AND s.from_store AS from_store,
              s.state = 'skipped' AND s.error_category IN ('provider_unavailable', 'cancelled', 'left_out') AS given_up,
              CASE WHEN s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable'
                   THEN 'failed.' || coalesce(s.error_category, '') END AS failed
), unlisted AS (
    DELETE FROM failed_items f USING gone g WHERE f.pipeline_id = %(pipeline_id)s AND f.item_id = g.item_id
), undue AS (
    DELETE FROM ready r USING gone g WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = g.item_id
), unawaited AS (
    DELETE FROM waiting w USING gone g WHERE w.pipeline_id = %(pipeline_id)s AND w.item_id = g.item_id
), unproven AS (
    DELETE FROM results r USING gone g WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = g.item_id
), unranked AS (
    DELETE FROM rankings r USING gone g WHERE r.pipeline_id = %(pipeline_id)s AND r.item_id = g.item_id
), untried AS (
    DELETE FROM retry_history h USING gone g WHERE h.pipeline_id = %(pipeline_id)s AND h.item_id = g.item_id
    RETURNING h.item_id, h.phase, h.category, h.recorded_at, h.next_at, h.delay_seconds
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
), forgotten AS (
    UPDATE job_queue j
    SET item_ids = ARRAY(SELECT held.item_id FROM unnest(j.item_ids) WITH ORDINALITY AS held (item_id, place)
                         WHERE held.item_id NOT IN (SELECT item_id FROM gone) ORDER BY held.place)
    WHERE j.pipeline_id = %(pipeline_id)s AND j.job_type = %(phase)s
      AND j.fingerprint IS NULL AND j.item_ids && ARRAY(SELECT item_id FROM gone)
), unlettered AS (
    DELETE FROM job_queue j
    WHERE j.pipeline_id = %(pipeline_id)s AND j.job_type = %(phase)s
      AND j.fingerprint IS NOT NULL AND j.item_ids[1] IN (SELECT item_id FROM gone)
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT %(pipeline_id)s, %(phase)s, d.name, -count(*)
    FROM stateless s, LATERAL (VALUES
        (s.state), ('waiting.' || s.wait_reason), (CASE WHEN s.degraded THEN 'degraded' END),
        (CASE WHEN s.from_store THEN 'from_store' END), (CASE WHEN s.given_up THEN 'given_up' END),
        (s.failed)) AS d (name)
    WHERE d.name IS NOT NULL
    GROUP BY d.name
)
SELECT count(*)::int FROM gone

-- name: delete_later
-- Checkpoints after this one: what they stand for is no more. Returns how many.
WITH gone AS (
    DELETE FROM pipeline_checkpoints
    WHERE pipeline_id = %(pipeline_id)s AND checkpoint_id > %(checkpoint_id)s RETURNING 1
)
SELECT count(*)::int FROM gone
