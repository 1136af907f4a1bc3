-- name: insert_schedule
-- A schedule of a template.
INSERT INTO schedules (schedule_id, template_id, name, cron, time_zone, overlap, next_fire_at, changed_by)
VALUES (%(schedule_id)s, %(template_id)s, %(name)s, %(cron)s, %(time_zone)s, %(overlap)s, %(next_fire_at)s, %(actor)s)

-- name: list_schedules
-- Schedules, one of them or those of a template, by their next fire, with the latest one.
SELECT s.schedule_id, s.name, s.template_id, t.name, s.cron, s.time_zone, s.overlap, s.next_fire_at,
       s.paused_at, s.paused_by, s.paused_reason, s.version, s.created_at, s.changed_at, s.changed_by,
       f.fire_id, f.due_at, f.fired_at, f.actor, f.template_version, f.outcome, f.reason, f.pipeline_id, f.cancelled
FROM schedules s
JOIN templates t USING (template_id)
LEFT JOIN LATERAL (
    SELECT * FROM schedule_fires WHERE schedule_id = s.schedule_id ORDER BY fire_id DESC LIMIT 1) f ON true
WHERE (%(schedule_id)s::uuid IS NULL OR s.schedule_id = %(schedule_id)s)
  AND (%(template_id)s::uuid IS NULL OR s.template_id = %(template_id)s)
ORDER BY s.next_fire_at NULLS LAST, s.schedule_id LIMIT %(limit)s

-- name: lock_schedule
-- Nobody else edits or fires it until the end of this transaction. Returns its version, and what time it is.
SELECT version, now() FROM schedules WHERE schedule_id = %(schedule_id)s FOR UPDATE

-- name: edit_schedule
-- Another rule, name or template.
UPDATE schedules
SET template_id = %(template_id)s, name = %(name)s, cron = %(cron)s, time_zone = %(time_zone)s, overlap = %(overlap)s,
    next_fire_at = %(next_fire_at)s, version = version + 1, changed_at = now(), changed_by = %(actor)s
WHERE schedule_id = %(schedule_id)s

-- name: pause_schedule
-- It does not fire by itself. No row when it is paused already.
UPDATE schedules
SET next_fire_at = NULL, paused_at = now(), paused_by = %(actor)s, paused_reason = %(reason)s, version = version + 1
WHERE schedule_id = %(schedule_id)s AND paused_at IS NULL
RETURNING schedule_id

-- name: unpause_schedule
-- It fires by itself from now on. No row when it was not paused.
UPDATE schedules
SET next_fire_at = %(next_fire_at)s, paused_at = NULL, paused_by = NULL, paused_reason = NULL, version = version + 1
WHERE schedule_id = %(schedule_id)s AND paused_at IS NOT NULL
RETURNING schedule_id

-- name: delete_schedule
-- With its fires.
DELETE FROM schedules WHERE schedule_id = %(schedule_id)s RETURNING schedule_id

-- name: find_due
-- Schedules that are to fire, but for some, the longest overdue first. Nothing is locked yet.
SELECT s.schedule_id, s.version, s.next_fire_at, s.name, s.template_id, s.cron, s.time_zone, s.overlap
FROM schedules s WHERE s.next_fire_at <= now() AND s.schedule_id <> ALL(%(but)s::uuid[])
ORDER BY s.next_fire_at LIMIT %(limit)s

-- name: claim_fire
-- A schedule as it was found due, for this transaction alone; no row when somebody else has it in hand, or it has moved.
-- Returns what time it is, and whether this moment has fired before.
SELECT now(), EXISTS (
    SELECT FROM schedule_fires f WHERE f.schedule_id = s.schedule_id AND f.due_at = s.next_fire_at)
FROM schedules s
WHERE s.schedule_id = %(schedule_id)s AND s.version = %(version)s AND s.next_fire_at = %(due_at)s
FOR UPDATE SKIP LOCKED

-- name: move_schedule
-- When it fires next.
UPDATE schedules SET next_fire_at = %(next_fire_at)s WHERE schedule_id = %(schedule_id)s

-- name: find_under_way
-- Pipelines that a schedule has started and that have not ended, the oldest first.
SELECT p.pipeline_id
FROM schedule_fires f JOIN pipelines p USING (pipeline_id)
WHERE f.schedule_id = %(schedule_id)s AND p.state IN ('running', 'paused') AND NOT p.deleting
ORDER BY f.fire_id

-- name: find_starter
-- The schedule that started a pipeline, and the moment that was for.
SELECT s.schedule_id, s.name, f.due_at
FROM schedule_fires f JOIN schedules s USING (schedule_id)
WHERE f.pipeline_id = %(pipeline_id)s

-- name: insert_fire
-- What came of a fire.
INSERT INTO schedule_fires (schedule_id, due_at, actor, template_version, outcome, reason, pipeline_id, cancelled)
VALUES (%(schedule_id)s, %(due_at)s, %(actor)s, %(template_version)s, %(outcome)s, %(reason)s, %(pipeline_id)s, %(cancelled)s)
RETURNING fire_id, due_at, fired_at, actor, template_version, outcome, reason, pipeline_id, cancelled

-- name: list_fires
-- What came of a schedule's fires, the newest first, before one of them.
SELECT fire_id, due_at, fired_at, actor, template_version, outcome, reason, pipeline_id, cancelled
FROM schedule_fires
WHERE schedule_id = %(schedule_id)s AND fire_id < %(before)s
ORDER BY fire_id DESC LIMIT %(limit)s

-- name: delete_old_fires
-- Those of more than this many days ago, some at a time; what is still under way is needed for the next one.
DELETE FROM schedule_fires WHERE fire_id IN (
    SELECT f.fire_id FROM schedule_fires f LEFT JOIN pipelines p USING (pipeline_id)
    WHERE f.fired_at < now() - make_interval(days => %(days)s) AND p.state IS DISTINCT FROM 'running'
      AND p.state IS DISTINCT FROM 'paused'
    LIMIT %(limit)s)

-- name: read_clock
-- What time it is: one clock for all gateways.
SELECT now()
