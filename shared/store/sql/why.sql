-- name: find_item_standing
-- An item by its key, where it stands, and the row that says when it is due. All by primary and unique keys.
SELECT i.item_id, i.batch_key, s.state, s.updated_at, s.attempts::int, s.error_category, s.last_error, s.job_id,
       w.reason, w.since, w.next_at, r.due_at, coalesce(r.chunk, 0), coalesce(r.value, i.value)
FROM items i
JOIN pipeline_state s ON s.pipeline_id = i.pipeline_id AND s.item_id = i.item_id
LEFT JOIN waiting w ON w.pipeline_id = i.pipeline_id AND w.item_id = i.item_id
LEFT JOIN ready r ON r.pipeline_id = i.pipeline_id AND r.item_id = i.item_id
WHERE i.pipeline_id = %(pipeline_id)s AND i.phase = %(phase)s AND i.key = %(key)s

-- name: find_held_job
-- The job that was claimed with an item, and until when.
SELECT job_id, state, coalesce(started_at, created_at), lease_until FROM job_queue WHERE job_id = %(job_id)s

-- name: find_unclaimed_job
-- The open job of a queue that holds an item and that nobody has claimed. Few jobs are open at a time.
SELECT job_id, state, created_at, lease_until FROM job_queue
WHERE queue_name = %(queue)s AND state IN ('pending', 'dispatched', 'processing') AND pipeline_id = %(pipeline_id)s
  AND %(item_id)s = ANY(item_ids)
ORDER BY job_id DESC LIMIT 1

-- name: find_open_letter
-- The dead letter of an item.
SELECT job_id FROM job_queue WHERE item_ids[1] = %(item_id)s AND state = 'dead_letter'

-- name: count_ahead
-- Due items that are dispatched before this one, of its pipeline, phase and batch key; no more than a number is looked at.
SELECT (SELECT count(*) FROM (
            SELECT FROM ready WHERE phase = %(phase)s AND pipeline_id = %(pipeline_id)s AND batch_key = %(batch_key)s
              AND chunk = %(chunk)s AND value > %(value)s::real LIMIT %(most)s) better)::int
     + (SELECT count(*) FROM (
            SELECT FROM ready WHERE phase = %(phase)s AND pipeline_id = %(pipeline_id)s AND batch_key = %(batch_key)s
              AND chunk = %(chunk)s AND value = %(value)s::real AND (due_at, item_id) < (%(due_at)s, %(item_id)s)
            LIMIT %(most)s) earlier)::int

-- name: look_at_company
-- Due items that may share a call, up to a call's worth, and since when the oldest of them is due.
SELECT count(*)::int, min(due_at) FROM (
    SELECT due_at FROM ready
    WHERE phase = %(phase)s AND pipeline_id = %(pipeline_id)s AND batch_key = %(batch_key)s AND chunk = 0
    LIMIT %(most)s) due

-- name: has_open_items
-- Whether anything of these phases is open; from counters.
SELECT coalesce(sum(delta), 0) > 0 FROM counters
WHERE pipeline_id = %(pipeline_id)s AND phase = ANY(%(phases)s) AND name IN ('pending', 'processing')

-- name: find_pipeline_standing
-- A pipeline, the phases it caps, and who paused or cancelled it last.
SELECT p.state, p.ended_at, p.bypasses_breaker, ARRAY(SELECT jsonb_object_keys(p.item_caps)), a.done_at, a.actor, a.reason
FROM pipelines p
LEFT JOIN LATERAL (
    SELECT done_at, actor, reason FROM pipeline_actions
    WHERE pipeline_id = p.pipeline_id AND action IN ('pause', 'cancel') ORDER BY action_id DESC LIMIT 1) a ON true
WHERE p.pipeline_id = %(pipeline_id)s

-- name: find_service_standing
-- A service: whether a worker leads it, its pause, its breaker as last written down, and how it fills calls.
SELECT coalesce(l.lease_until > now(), false), b.paused_at, b.paused_by, b.pause_reason, coalesce(b.reason, ''), b.provider,
       coalesce(b.items_per_call, 1), coalesce(b.linger_seconds, 0)::float8, clock_timestamp()
FROM (SELECT %(service)s::text AS service) s
LEFT JOIN leases l ON l.name = s.service
LEFT JOIN circuit_breakers b ON b.service = s.service

-- name: find_next_item
-- Of a phase of a pipeline, the item whose turn comes first: of those due, else of those that wait.
(SELECT i.key, 0 AS place FROM (
    SELECT pipeline_id, item_id FROM ready WHERE phase = %(phase)s AND pipeline_id = %(pipeline_id)s
    ORDER BY batch_key, chunk, value DESC, due_at, item_id LIMIT 1) r
 JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id)
UNION ALL
(SELECT i.key, 1 AS place FROM (
    SELECT pipeline_id, item_id FROM waiting WHERE pipeline_id = %(pipeline_id)s AND phase = %(phase)s
    ORDER BY next_at LIMIT 1) w
 JOIN items i ON i.pipeline_id = w.pipeline_id AND i.item_id = w.item_id)
UNION ALL
(SELECT i.key, 2 AS place FROM (
    SELECT pipeline_id, item_ids[1] AS item_id FROM job_queue
    WHERE queue_name = %(queue)s AND state IN ('pending', 'dispatched', 'processing') AND pipeline_id = %(pipeline_id)s
    ORDER BY job_id LIMIT 1) j
 JOIN items i ON i.pipeline_id = j.pipeline_id AND i.item_id = j.item_id)
ORDER BY place LIMIT 1

-- name: find_activity
-- What a service has to do: whether jobs are being processed, whether anything is due, and the wait that ends first.
SELECT EXISTS (SELECT FROM job_queue WHERE queue_name = %(queue)s AND state = 'processing'),
       EXISTS (SELECT FROM pipelines p WHERE p.ended_at IS NULL AND p.state = 'running'
                 AND EXISTS (SELECT FROM ready r WHERE r.phase = %(phase)s AND r.pipeline_id = p.pipeline_id)),
       w.reason, w.since, w.next_at
FROM (SELECT) one
LEFT JOIN LATERAL (
    SELECT reason, since, next_at FROM waiting WHERE phase = %(phase)s ORDER BY next_at LIMIT 1) w ON true
