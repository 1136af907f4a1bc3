-- name: store_bodies
-- What providers answered, each text once; and that it is still met.
INSERT INTO error_bodies AS e (body_id, body)
SELECT * FROM json_to_recordset(%(bodies)s::json) AS b (body_id uuid, body text)
ORDER BY body_id
ON CONFLICT (body_id) DO UPDATE SET seen_at = now() WHERE e.seen_at < now() - interval '1 hour'

-- name: delete_unread_bodies
-- Bodies no attempt refers to, nor did lately: what is not committed yet may. Some of them at a time.
DELETE FROM error_bodies WHERE body_id IN (
    SELECT body_id FROM error_bodies b
    WHERE seen_at < now() - make_interval(days => %(days)s)
      AND NOT EXISTS (SELECT FROM retry_history h WHERE h.body_id = b.body_id)
    ORDER BY body_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)

-- name: store_attempts
-- Attempts that ended in an error; the next one is due when the item's state says it.
-- Counted with it, an item where its latest attempt of a category is: no longer where the one before was.
WITH told AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(attempts)s::json) AS a (
        pipeline_id uuid, item_id bigint, phase text, number smallint, category text, kind text, status smallint,
        codes text[], error text, body_id uuid, delay_seconds float8)
), stored AS (
    INSERT INTO retry_history (pipeline_id, item_id, phase, attempt, category, kind, status, codes, error, body_id,
                               delay_seconds, next_at)
    SELECT pipeline_id, item_id, phase, number, category, kind, status, codes, error, body_id, delay_seconds,
           now() + make_interval(secs => delay_seconds)
    FROM told
), latest AS (
    SELECT t.*, s.state = 'completed' AS completed, (
        SELECT max(recorded_at) FROM retry_history h
        WHERE h.pipeline_id = t.pipeline_id AND h.item_id = t.item_id AND h.category = t.category) AS before
    FROM told t JOIN pipeline_state s ON s.pipeline_id = t.pipeline_id AND s.item_id = t.item_id
)
INSERT INTO retry_counters (minute, phase, category, attempts, retries, delay_seconds, items, recovered)
SELECT date_trunc('minute', now(), 'UTC'), phase, category, count(*), count(delay_seconds), coalesce(sum(delay_seconds), 0),
       count(*), count(*) FILTER (WHERE completed)
FROM latest GROUP BY 1, 2, 3
UNION ALL
SELECT date_trunc('minute', before, 'UTC'), phase, category, 0, 0, 0, -count(*), -count(*) FILTER (WHERE completed)
FROM latest WHERE before IS NOT NULL GROUP BY 1, 2, 3

-- name: count_recovered
-- Items that have just been completed, where their latest attempts are counted.
INSERT INTO retry_counters (minute, phase, category, attempts, retries, delay_seconds, items, recovered)
SELECT date_trunc('minute', h.latest, 'UTC'), h.phase, h.category, 0, 0, 0, 0, count(*)
FROM unnest(%(pipeline_ids)s::uuid[], %(item_ids)s::bigint[]) AS c (pipeline_id, item_id)
CROSS JOIN LATERAL (
    SELECT phase, category, max(recorded_at) AS latest FROM retry_history
    WHERE pipeline_id = c.pipeline_id AND item_id = c.item_id GROUP BY phase, category) h
GROUP BY 1, 2, 3

-- name: fold_retry_counters
-- Replaces the delta rows of a minute, or of an hour, by their sum. Returns how many are gone.
WITH folded AS (
    DELETE FROM retry_counters WHERE (date_trunc(%(unit)s, minute, 'UTC'), phase, category) IN (
        SELECT date_trunc(%(unit)s, minute, 'UTC'), phase, category FROM retry_counters
        WHERE minute >= %(since)s AND minute < %(until)s GROUP BY 1, 2, 3 HAVING count(*) > 1)
      AND minute >= %(since)s AND minute < %(until)s
    RETURNING *
), summed AS (
    INSERT INTO retry_counters (minute, phase, category, attempts, retries, delay_seconds, items, recovered)
    SELECT date_trunc(%(unit)s, minute, 'UTC'), phase, category, sum(attempts), sum(retries), sum(delay_seconds), sum(items),
           sum(recovered)
    FROM folded GROUP BY 1, 2, 3
    RETURNING 1
)
SELECT ((SELECT count(*) FROM folded) - (SELECT count(*) FROM summed))::int

-- name: find_recorded
-- Errors that attempts of a phase met in the last days, with how many met each; the newest first.
SELECT h.kind, h.status, h.codes, coalesce(b.body, ''), h.attempts
FROM (
    SELECT kind, status, codes, body_id, count(*)::int AS attempts, max(recorded_at) AS newest
    FROM retry_history
    WHERE phase = %(phase)s AND recorded_at > now() - make_interval(secs => %(days)s * 86400) AND kind IS NOT NULL
    GROUP BY kind, status, codes, body_id
    ORDER BY newest DESC LIMIT %(limit)s
) h
LEFT JOIN error_bodies b ON b.body_id = h.body_id
ORDER BY h.newest DESC

-- name: sum_retries
-- Attempts that ended in an error since a moment, by phase and category, and whether their items were completed later;
-- from counters, no attempt is read.
SELECT phase, category, sum(attempts)::int, sum(retries)::int, (sum(delay_seconds) / nullif(sum(retries), 0))::float8,
       sum(items)::int, sum(recovered)::int
FROM retry_counters WHERE minute >= %(since)s
GROUP BY phase, category HAVING sum(attempts) > 0 ORDER BY phase, category
