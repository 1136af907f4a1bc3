-- name: settle_calls
-- What became of calls. A late answer also settles a call the reaper put in doubt; its own word is final, so that
-- a batch that is written again, because the answer to its commit was lost, counts nothing twice.
WITH answer AS (
    SELECT * FROM json_to_recordset(%(calls)s::json) AS a (
        call_id uuid, phase text, state text, outcome text, status smallint, units float8, money float8,
        duration_seconds float8, error text)
), late AS MATERIALIZED (
    SELECT c.call_id, c.pipeline_id FROM answer a JOIN provider_calls c ON c.call_id = a.call_id AND c.state = 'in_doubt'
), kept AS MATERIALIZED (
    -- A pipeline may be deleted before a late answer comes. Whoever deletes it waits for this, or is waited for.
    SELECT pipeline_id FROM pipelines WHERE pipeline_id IN (SELECT pipeline_id FROM late)
    ORDER BY pipeline_id FOR KEY SHARE
), settled AS (
    UPDATE provider_calls c
    SET state = a.state, outcome = a.outcome, status = a.status, units = a.units, money = a.money,
        duration_seconds = a.duration_seconds, error = a.error, settled_at = now(),
        fact_keys = CASE WHEN a.state = 'in_doubt' THEN c.fact_keys END
    FROM answer a
    WHERE c.call_id = a.call_id AND (c.state = 'sent' OR c.state = 'in_doubt' AND c.outcome = 'lease_expired')
    RETURNING c.call_id, c.pipeline_id, a.phase, c.state, c.units, c.fact_keys, c.provider, c.sent_at
), doubted AS (
    INSERT INTO doubted_facts (fact_key, call_id) SELECT unnest(fact_keys), call_id FROM settled WHERE state = 'in_doubt'
    ON CONFLICT DO NOTHING
), known AS (
    DELETE FROM doubted_facts d USING settled s WHERE d.call_id = s.call_id AND s.state <> 'in_doubt'
), charged AS (
    INSERT INTO provider_counters (minute, provider, calls, units)
    SELECT date_trunc('minute', sent_at, 'UTC'), provider, 0, sum(units) FROM settled WHERE units <> 0 GROUP BY 1, 2
)
INSERT INTO counters (pipeline_id, phase, name, delta)
SELECT s.pipeline_id, s.phase, d.name, sum(d.delta)::bigint
FROM settled s, LATERAL (VALUES
    ('calls', CASE WHEN s.state = 'refunded' THEN 0 ELSE 1 END), ('units', greatest(s.units, 0))) AS d (name, delta)
WHERE d.delta > 0 AND NOT EXISTS (
    SELECT FROM late l WHERE l.call_id = s.call_id AND l.pipeline_id NOT IN (SELECT pipeline_id FROM kept))
GROUP BY 1, 2, 3

-- name: store_facts
-- What calls bought. An earlier purchase of it that is in doubt holds nobody up any more.
WITH bought AS (
    DELETE FROM doubted_facts d
    USING json_to_recordset(%(facts)s::json) AS f (fact_key uuid) WHERE d.fact_key = f.fact_key
)
INSERT INTO provider_facts (fact_key, call_id, provider, endpoint, subject, params, answer)
SELECT * FROM json_to_recordset(%(facts)s::json) AS f (
    fact_key uuid, call_id uuid, provider text, endpoint text, subject text, params jsonb, answer jsonb)
ORDER BY fact_key
ON CONFLICT DO NOTHING

-- name: end_items
-- Moves items out of processing, if they still belong to the job that worked on them. Returns the moved ones.
WITH outcome AS (
    SELECT * FROM json_to_recordset(%(items)s::json) AS o (
        pipeline_id uuid, item_id bigint, job_id bigint, phase text, batch_key text, state text, spent int,
        wait_seconds float8, wait_reason text, error_category text, last_error text, degraded text, from_store bool)
), moved AS (
    UPDATE pipeline_state s
    SET state = o.state, attempts = s.attempts + o.spent,
        next_at = now() + make_interval(secs => o.wait_seconds), wait_reason = o.wait_reason,
        waiting_since = CASE WHEN o.wait_seconds IS NOT NULL THEN coalesce(s.waiting_since, now()) END,
        error_category = o.error_category, last_error = o.last_error, degraded = o.degraded,
        from_store = o.from_store, updated_at = now()
    FROM outcome o
    WHERE s.pipeline_id = o.pipeline_id AND s.item_id = o.item_id
      AND s.state = 'processing' AND s.job_id = o.job_id
    RETURNING s.pipeline_id, s.item_id, s.state, s.next_at, s.wait_reason, s.waiting_since, s.chunk, s.degraded,
              s.from_store, o.phase,
              CASE WHEN s.state = 'failed' OR s.state = 'skipped' AND s.error_category = 'provider_unavailable'
                   THEN coalesce(s.error_category, '') END AS failed_of
), waits AS (
    INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at, since)
    SELECT pipeline_id, item_id, phase, wait_reason, next_at, waiting_since FROM moved WHERE next_at IS NOT NULL
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, chunk, value)
    SELECT i.pipeline_id, i.item_id, i.phase, i.batch_key, m.chunk, i.value
    FROM moved m JOIN items i ON i.pipeline_id = m.pipeline_id AND i.item_id = m.item_id
    WHERE m.state = 'pending' AND m.next_at IS NULL
), failed AS (
    INSERT INTO failed_items (pipeline_id, item_id, phase, category)
    SELECT pipeline_id, item_id, phase, failed_of FROM moved WHERE failed_of IS NOT NULL
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, phase, d.name, sum(d.delta)
    FROM moved m, LATERAL (VALUES
        ('processing', -1), (m.state, 1), ('failed.' || m.failed_of, CASE WHEN m.failed_of IS NULL THEN 0 ELSE 1 END),
        ('waiting.' || m.wait_reason, CASE WHEN m.next_at IS NULL THEN 0 ELSE 1 END),
        ('degraded', CASE WHEN m.state = 'completed' AND m.degraded IS NOT NULL THEN 1 ELSE 0 END),
        ('from_store', CASE WHEN m.state = 'completed' AND m.from_store THEN 1 ELSE 0 END)) AS d (name, delta)
    WHERE d.delta <> 0
    GROUP BY 1, 2, 3
)
SELECT item_id FROM moved

-- name: store_results
-- The evidence of completed items.
INSERT INTO results (pipeline_id, item_id, phase, payload, facts)
SELECT * FROM json_to_recordset(%(results)s::json) AS r (
    pipeline_id uuid, item_id bigint, phase text, payload jsonb, facts jsonb)

-- name: store_rankings
-- The ranked results of searches.
INSERT INTO rankings (pipeline_id, item_id, position, ordinal, url, domain, title, snippet, source, published, length)
SELECT pipeline_id, item_id, position, ordinal, url, domain, coalesce(title, ''), coalesce(snippet, ''),
       coalesce(source, ''), coalesce(published, ''), coalesce(length, '')
FROM json_to_recordset(%(rankings)s::json) AS r (
    pipeline_id uuid, item_id bigint, position smallint, ordinal smallint, url text, domain text,
    title text, snippet text, source text, published text, length text)

-- name: insert_found
-- Items found by results, each once per pipeline; due at once.
WITH found AS (
    SELECT DISTINCT ON (pipeline_id, phase, key) *
    FROM json_to_recordset(%(found)s::json) AS f (
        pipeline_id uuid, phase text, key text, input jsonb, batch_key text, value real)
    ORDER BY pipeline_id, phase, key, value DESC
), new AS (
    INSERT INTO items (pipeline_id, phase, key, input, batch_key, value)
    SELECT pipeline_id, phase, key, input, batch_key, value FROM found ORDER BY pipeline_id, phase, key
    ON CONFLICT DO NOTHING
    RETURNING pipeline_id, item_id, phase, batch_key, value
), state AS (
    INSERT INTO pipeline_state (pipeline_id, item_id) SELECT pipeline_id, item_id FROM new
), due AS (
    INSERT INTO ready (pipeline_id, item_id, phase, batch_key, value)
    SELECT pipeline_id, item_id, phase, batch_key, value FROM new
)
INSERT INTO counters (pipeline_id, phase, name, delta)
SELECT pipeline_id, phase, 'pending', count(*) FROM new GROUP BY 1, 2
