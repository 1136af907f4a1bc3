-- name: insert_event
-- Something has happened; unless the same was told already, in this hour or day if that is said.
INSERT INTO events (name, pipeline_id, service, data, once)
SELECT %(name)s, %(pipeline_id)s::uuid, %(service)s::text, %(data)s::jsonb, k.once
FROM (SELECT %(once)s::text || coalesce(' ' || date_trunc(%(within)s::text, now())::text, '') AS once) k
WHERE k.once IS NULL OR NOT EXISTS (SELECT FROM events e WHERE e.once = k.once)
ON CONFLICT (once) DO NOTHING

-- name: forget_telling
-- What was told once may be told again.
UPDATE events SET once = NULL WHERE once = ANY(%(once)s)

-- name: tell_phases
-- Phases in which nothing is open and nothing can be found any more, of pipelines that work or have just ended; each
-- once for what it has come to.
WITH counted AS MATERIALIZED (
    SELECT c.pipeline_id, c.phase,
           coalesce(sum(c.delta) FILTER (WHERE c.name IN ('pending', 'processing')), 0) AS open,
           coalesce(sum(c.delta) FILTER (WHERE c.name = 'completed'), 0)::bigint AS completed,
           coalesce(sum(c.delta) FILTER (WHERE c.name = 'failed'), 0)::bigint AS failed,
           coalesce(sum(c.delta) FILTER (WHERE c.name = 'skipped'), 0)::bigint AS skipped
    FROM pipelines p JOIN counters c ON c.pipeline_id = p.pipeline_id
    WHERE p.ended_at IS NULL OR p.ended_at > now() - interval '1 minute'
    GROUP BY 1, 2
), done AS (
    SELECT c.*, format('phase.completed %%s %%s %%s %%s %%s', pipeline_id, phase, completed, failed, skipped) AS once
    FROM counted c
    WHERE c.open = 0 AND c.completed + c.failed + c.skipped > 0 AND NOT EXISTS (
        SELECT FROM unnest(%(phases)s::text[], %(befores)s::text[]) AS b (phase, before)
        JOIN counted u ON u.phase = b.before AND u.pipeline_id = c.pipeline_id
        WHERE b.phase = c.phase AND u.open > 0)
)
INSERT INTO events (name, pipeline_id, data, once)
SELECT 'phase.completed', d.pipeline_id,
       jsonb_build_object('phase', d.phase, 'completed', d.completed, 'failed', d.failed, 'skipped', d.skipped), d.once
FROM done d WHERE NOT EXISTS (SELECT FROM events e WHERE e.once = d.once)
ORDER BY d.once
ON CONFLICT (once) DO NOTHING

-- name: find_unplaced
-- Whether an event has no place yet.
SELECT EXISTS (SELECT FROM events WHERE seq IS NULL)

-- name: lock_feed
-- Nobody else gives places before this transaction has ended, and what it gave can be seen.
SELECT last_seq FROM event_feed FOR UPDATE

-- name: place_events
-- Gives the next places to events that have none. A statement of its own after the lock: so it sees what was given.
WITH unplaced AS MATERIALIZED (
    SELECT event_id, row_number() OVER (ORDER BY event_id) AS ordinal
    FROM (SELECT event_id FROM events WHERE seq IS NULL ORDER BY event_id LIMIT %(limit)s) e
), moved AS (
    UPDATE event_feed SET last_seq = last_seq + (SELECT count(*) FROM unplaced) RETURNING last_seq
)
UPDATE events e SET seq = m.last_seq - (SELECT count(*) FROM unplaced) + u.ordinal
FROM unplaced u, moved m WHERE e.event_id = u.event_id

-- name: get_feed
-- The newest place, and the oldest that is still kept.
SELECT f.last_seq, coalesce((SELECT min(seq) FROM events), f.last_seq + 1) FROM event_feed f

-- name: read_events
-- Events by their place, after one of them and up to another.
SELECT seq, name, pipeline_id, service, data, happened_at FROM events
WHERE seq > %(after)s AND seq <= %(upto)s
  AND (%(pipeline_id)s::uuid IS NULL OR pipeline_id = %(pipeline_id)s)
  AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s))
ORDER BY seq LIMIT %(limit)s

-- name: delete_old_events
-- Of the first so many events those that are older than this or too many. Their places are not given again.
DELETE FROM events
WHERE event_id IN (SELECT event_id FROM events WHERE seq IS NOT NULL ORDER BY seq LIMIT %(limit)s)
  AND (happened_at < now() - make_interval(days => %(days)s)
       OR seq <= (SELECT last_seq FROM event_feed) - %(most)s)
