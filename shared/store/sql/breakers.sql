-- name: find_breakers
-- Every breaker on record, with the fields of its policy that operators have set.
SELECT b.service, b.state, b.epoch, b.failures, b.successes, b.trips, b.opened_at, b.reopen_at, b.since, b.forced,
       b.actor, b.reason, b.changed_at, b.failure_threshold, b.success_threshold, b.timeout_seconds, b.window_seconds,
       b.failure_share, b.probes, b.slow_seconds,
       ARRAY(SELECT jsonb_object_keys(p.edits) ORDER BY 1)
FROM circuit_breakers b LEFT JOIN LATERAL (
    SELECT edits FROM breaker_policies WHERE service = b.service ORDER BY version DESC LIMIT 1
) p ON true
ORDER BY b.service

-- name: get_breaker
-- One breaker as the workers know it; times in microseconds since 1970, 0 for none.
SELECT state, epoch, failures, successes, coalesce(extract(epoch FROM opened_at) * 1000000, 0)::bigint,
       coalesce(extract(epoch FROM reopen_at) * 1000000, 0)::bigint,
       coalesce(extract(epoch FROM since) * 1000000, 0)::bigint, forced, trips
FROM circuit_breakers WHERE service = %(service)s

-- name: lock_breaker
-- Makes the row if there is none and keeps others from changing it. Returns the time in microseconds since 1970.
INSERT INTO circuit_breakers (service) VALUES (%(service)s)
ON CONFLICT (service) DO UPDATE SET service = excluded.service
RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- name: save_breaker
-- Writes a breaker unless the record has it, or a later one, already, and its change into the history. Changes may
-- follow one another so fast that a later one is noted first. Of all who have noticed a change, one gets a row.
WITH saved AS (
    INSERT INTO circuit_breakers (service, state, epoch, failures, successes, trips, opened_at, reopen_at, since,
                                  forced, actor, reason)
    VALUES (%(service)s, %(state)s, %(epoch)s, %(failures)s, %(successes)s, %(trips)s,
            to_timestamp(nullif(%(opened_at)s::float8, 0) / 1000000),
            to_timestamp(nullif(%(reopen_at)s::float8, 0) / 1000000),
            to_timestamp(nullif(%(since)s::float8, 0) / 1000000), %(forced)s, %(actor)s, %(reason)s)
    ON CONFLICT (service) DO UPDATE
    SET state = excluded.state, epoch = excluded.epoch, failures = excluded.failures, successes = excluded.successes,
        trips = excluded.trips, opened_at = excluded.opened_at, reopen_at = excluded.reopen_at,
        since = excluded.since, forced = excluded.forced, actor = excluded.actor, reason = excluded.reason,
        changed_at = now()
    WHERE circuit_breakers.epoch < excluded.epoch
)
INSERT INTO breaker_changes (service, epoch, state, forced, actor, reason)
SELECT %(service)s, %(epoch)s, %(state)s, %(forced)s, %(actor)s, %(reason)s WHERE %(epoch)s > 0
ON CONFLICT DO NOTHING
RETURNING service

-- name: count_breaker
-- What changes of a breaker while its state does not, and its policy. Writes nothing that is there already.
INSERT INTO circuit_breakers (service, failure_threshold, success_threshold, timeout_seconds, window_seconds,
                              failure_share, probes, slow_seconds, configured)
VALUES (%(service)s, %(failure_threshold)s, %(success_threshold)s, %(timeout_seconds)s, %(window_seconds)s,
        %(failure_share)s, %(probes)s, %(slow_seconds)s, %(configured)s::jsonb)
ON CONFLICT (service) DO UPDATE
SET failures = CASE WHEN circuit_breakers.epoch = %(epoch)s THEN %(failures)s ELSE circuit_breakers.failures END,
    successes = CASE WHEN circuit_breakers.epoch = %(epoch)s THEN %(successes)s ELSE circuit_breakers.successes END,
    failure_threshold = excluded.failure_threshold, success_threshold = excluded.success_threshold,
    timeout_seconds = excluded.timeout_seconds, window_seconds = excluded.window_seconds,
    failure_share = excluded.failure_share, probes = excluded.probes, slow_seconds = excluded.slow_seconds,
    configured = excluded.configured
WHERE circuit_breakers.epoch = %(epoch)s
      AND (circuit_breakers.failures, circuit_breakers.successes) IS DISTINCT FROM (%(failures)s::int, %(successes)s::int)
   OR (circuit_breakers.failure_threshold, circuit_breakers.success_threshold, circuit_breakers.timeout_seconds,
       circuit_breakers.window_seconds, circuit_breakers.failure_share, circuit_breakers.probes,
       circuit_breakers.slow_seconds, circuit_breakers.configured)
      IS DISTINCT FROM (excluded.failure_threshold, excluded.success_threshold, excluded.timeout_seconds,
                        excluded.window_seconds, excluded.failure_share, excluded.probes,
                        excluded.slow_seconds, excluded.configured)

-- name: describe_service
-- What a service's workers are configured to, as far as it explains why its items wait.
INSERT INTO circuit_breakers (service, provider, items_per_call, linger_seconds)
VALUES (%(service)s, %(provider)s, %(items_per_call)s, %(linger_seconds)s)
ON CONFLICT (service) DO UPDATE
SET provider = excluded.provider, items_per_call = excluded.items_per_call, linger_seconds = excluded.linger_seconds

-- name: find_changes
-- What happened to a breaker lately, the newest first.
SELECT state, forced, actor, reason, changed_at FROM breaker_changes
WHERE service = %(service)s ORDER BY epoch DESC LIMIT %(limit)s

-- name: hasten_breaker_items
-- Items that wait for the breaker of a phase that has closed again are due at once. Returns how many.
WITH hastened AS (
    UPDATE waiting SET next_at = now()
    WHERE phase = %(phase)s AND reason = 'breaker' AND next_at > now()
    RETURNING pipeline_id, item_id
), state AS (
    UPDATE pipeline_state s SET next_at = now()
    FROM hastened h WHERE s.pipeline_id = h.pipeline_id AND s.item_id = h.item_id AND s.wait_reason = 'breaker'
)
SELECT count(*)::int FROM hastened

-- name: give_up_due_items
-- Due items of an optional phase are skipped when its breaker has not been closed, and they have not been worked
-- on, for longer than their pipeline allows; each is a gap. Returns how many.
WITH late AS MATERIALIZED (
    SELECT r.pipeline_id, r.item_id
    FROM circuit_breakers b
    CROSS JOIN pipelines p
    JOIN ready r ON r.pipeline_id = p.pipeline_id AND r.phase = %(phase)s
    JOIN pipeline_state s ON s.pipeline_id = r.pipeline_id AND s.item_id = r.item_id
    WHERE b.service = %(service)s AND b.since < now() - make_interval(secs => p.give_up_after_seconds)
      AND p.state = 'running' AND NOT p.bypasses_breaker
      -- Nobody was asked to work while the queue was paused.
      AND b.paused_at IS NULL
      AND greatest(coalesce(s.waiting_since, r.due_at), p.running_since, b.unpaused_at)
          < now() - make_interval(secs => p.give_up_after_seconds)
    LIMIT %(limit)s
    FOR UPDATE OF r SKIP LOCKED
), taken AS (
    DELETE FROM ready r USING late l WHERE r.pipeline_id = l.pipeline_id AND r.item_id = l.item_id
    RETURNING r.pipeline_id, r.item_id, r.phase
), skipped AS (
    UPDATE pipeline_state s
    SET state = 'skipped', error_category = 'provider_unavailable',
        last_error = 'given up: waited too long for its provider (breaker)' || coalesce(': ' || s.last_error, ''),
        updated_at = now()
    FROM taken t WHERE s.pipeline_id = t.pipeline_id AND s.item_id = t.item_id AND s.state = 'pending'
    RETURNING s.pipeline_id, s.item_id, t.phase
), failed AS (
    INSERT INTO failed_items (pipeline_id, item_id, phase, category)
    SELECT pipeline_id, item_id, phase, 'provider_unavailable' FROM skipped
), counted AS (
    INSERT INTO counters (pipeline_id, phase, name, delta)
    SELECT pipeline_id, phase, d.name, sum(d.delta)
    FROM skipped, (VALUES
        ('pending', -1), ('skipped', 1), ('given_up', 1), ('failed.provider_unavailable', 1)) AS d (name, delta)
    GROUP BY 1, 2, 3
)
SELECT count(*)::int FROM skipped
