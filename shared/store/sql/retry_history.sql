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
INSERT INTO retry_history (pipeline_id, item_id, phase, attempt, category, kind, status, codes, error, body_id,
                           delay_seconds, next_at)
SELECT pipeline_id, item_id, phase, number, category, kind, status, codes, error, body_id, delay_seconds,
       now() + make_interval(secs => delay_seconds)
FROM json_to_recordset(%(attempts)s::json) AS a (
    pipeline_id uuid, item_id bigint, phase text, number smallint, category text, kind text, status smallint,
    codes text[], error text, body_id uuid, delay_seconds float8)

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
-- Attempts that ended in an error in the last days, by phase and category, and whether their items were completed later.
SELECT h.phase, h.category, sum(h.attempts)::int, sum(h.retries)::int,
       (sum(h.delays) / nullif(sum(h.retries), 0))::float8, count(*)::int,
       count(*) FILTER (WHERE s.state = 'completed')::int
FROM (
    SELECT pipeline_id, item_id, phase, category, count(*) AS attempts, count(next_at) AS retries,
           sum(delay_seconds) AS delays
    FROM retry_history
    WHERE recorded_at > now() - make_interval(secs => %(days)s * 86400)
    GROUP BY pipeline_id, item_id, phase, category
) h
LEFT JOIN pipeline_state s ON s.pipeline_id = h.pipeline_id AND s.item_id = h.item_id
GROUP BY h.phase, h.category ORDER BY h.phase, h.category
