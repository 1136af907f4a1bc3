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

-- name: forget_others
-- What was told of a pipeline by this name may be told again, but for this telling.
UPDATE events SET once = NULL
WHERE pipeline_id = %(pipeline_id)s AND name = %(name)s AND once IS NOT NULL AND once <> %(but)s

-- name: forget_phases
-- Phases of these pipelines in which something is open again, or before which something is: their end is told anew,
-- though they may come to the same.
WITH open AS MATERIALIZED (
    SELECT pipeline_id, phase FROM counters
    WHERE pipeline_id = ANY(%(pipeline_ids)s::uuid[]) AND name IN ('pending', 'processing')
    GROUP BY 1, 2 HAVING sum(delta) > 0
), reopened AS (
    SELECT pipeline_id, phase FROM open
    UNION
    SELECT o.pipeline_id, b.phase
    FROM open o JOIN unnest(%(phases)s::text[], %(befores)s::text[]) AS b (phase, before) ON b.before = o.phase
)
UPDATE events e SET once = NULL
FROM reopened r
WHERE e.pipeline_id = ANY(%(pipeline_ids)s::uuid[]) AND e.once IS NOT NULL AND e.name = 'phase.completed'
  AND e.pipeline_id = r.pipeline_id AND e.data ->> 'phase' = r.phase

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
    WHERE NOT p.deleting AND (p.ended_at IS NULL OR p.ended_at > now() - interval '1 minute')
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
SELECT last_seq, first_seq FROM event_feed

-- name: read_events
-- Events by their place, after one of them and up to another.
SELECT seq, name, pipeline_id, service, data, happened_at FROM events
WHERE seq > %(after)s AND seq <= %(upto)s AND seq >= (SELECT first_seq FROM event_feed)
  AND (%(pipeline_id)s::uuid IS NULL OR pipeline_id = %(pipeline_id)s)
  AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s))
ORDER BY seq LIMIT %(limit)s

-- name: delete_old_events
-- The first so many events count as gone up to the first one that is neither older than this nor one too many. Their
-- places are not given again. What an open pipeline was told once stays behind as long as it is open, or it would be
-- told twice.
WITH next AS MATERIALIZED (
    SELECT seq, happened_at < now() - make_interval(days => %(days)s)
                OR seq <= (SELECT last_seq FROM event_feed) - %(most)s AS over
    FROM events WHERE seq >= (SELECT first_seq FROM event_feed) ORDER BY seq LIMIT %(limit)s
), bound AS MATERIALIZED (
    SELECT greatest(f.first_seq, (SELECT coalesce(min(seq) FILTER (WHERE NOT over), max(seq) + 1) FROM next)) AS first_seq
    FROM event_feed f
), moved AS (
    UPDATE event_feed f SET first_seq = b.first_seq FROM bound b WHERE f.first_seq < b.first_seq
)
DELETE FROM events WHERE event_id IN (
    SELECT e.event_id FROM events e
    WHERE e.seq < (SELECT first_seq FROM bound) AND NOT (e.once IS NOT NULL AND EXISTS (
        SELECT FROM pipelines p
        WHERE p.pipeline_id = e.pipeline_id AND NOT p.deleting
          AND (p.ended_at IS NULL OR p.ended_at > now() - interval '1 minute')))
    ORDER BY e.seq LIMIT %(limit)s)
