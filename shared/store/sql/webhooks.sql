-- name: insert_webhook
-- A receiver, of what happens from now on.
INSERT INTO webhooks (webhook_id, url, secret, events, after_seq)
SELECT %(webhook_id)s, %(url)s, %(secret)s, %(events)s, last_seq FROM event_feed

-- name: list_webhooks
-- All receivers, or one; the newest first.
SELECT w.webhook_id, w.url, w.events, w.created_at, w.failures, w.failing_since, w.disabled_at, w.disabled_reason,
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id AND d.state = 'pending')
FROM webhooks w WHERE %(webhook_id)s::uuid IS NULL OR w.webhook_id = %(webhook_id)s
ORDER BY w.created_at DESC, w.webhook_id LIMIT %(limit)s

-- name: delete_webhook
-- With its deliveries.
DELETE FROM webhooks WHERE webhook_id = %(webhook_id)s

-- name: enable_webhook
-- From now on it is sent again what happens; what happened while it was disabled is not made up for.
UPDATE webhooks w
SET disabled_at = NULL, disabled_reason = NULL, failures = 0, failing_since = NULL, next_at = now(),
    after_seq = CASE WHEN w.disabled_at IS NULL THEN w.after_seq ELSE f.last_seq END
FROM event_feed f WHERE w.webhook_id = %(webhook_id)s

-- name: keep_webhook
-- Until the end of the transaction nobody disables it. Whether and why somebody has.
SELECT disabled_at IS NOT NULL, coalesce(disabled_reason, '') FROM webhooks WHERE webhook_id = %(webhook_id)s FOR SHARE

-- name: insert_test
-- A message that tells of nothing.
INSERT INTO webhook_deliveries (webhook_id, name, body)
SELECT webhook_id, %(name)s,
       json_build_object('type', %(name)s::text, 'timestamp', now(), 'data', json_build_object('webhook_id', webhook_id))::text
FROM webhooks WHERE webhook_id = %(webhook_id)s
RETURNING delivery_id

-- name: spread_events
-- Deliveries of events that have happened since the last time, for every receiver that wants them. Returns how many
-- receivers have seen new ones; each sees so many at a time.
WITH behind AS MATERIALIZED (
    SELECT w.webhook_id, w.events, w.after_seq, least(f.last_seq, w.after_seq + %(limit)s) AS upto
    FROM webhooks w, event_feed f
    WHERE w.disabled_at IS NULL AND w.after_seq < f.last_seq
    ORDER BY w.webhook_id FOR UPDATE OF w
), made AS (
    INSERT INTO webhook_deliveries (webhook_id, seq, name, body)
    SELECT b.webhook_id, e.seq, e.name,
           json_build_object('type', e.name, 'timestamp', e.happened_at, 'data',
               jsonb_build_object('id', e.seq, 'pipeline_id', e.pipeline_id, 'service', e.service) || e.data)::text
    FROM behind b JOIN events e ON e.seq > b.after_seq AND e.seq <= b.upto
    WHERE b.events IS NULL OR e.name = ANY(b.events)
    ORDER BY b.webhook_id, e.seq
    ON CONFLICT DO NOTHING
)
UPDATE webhooks w SET after_seq = b.upto FROM behind b WHERE w.webhook_id = b.webhook_id

-- name: claim_deliveries
-- The oldest deliveries that are due: of a receiver that is down, one; of others, several. They are left alone for a
-- while: who claimed them and dies has sent them, or not.
WITH due AS MATERIALIZED (
    SELECT c.delivery_id, w.url, w.secret, w.failures, w.failing_since
    FROM webhooks w
    CROSS JOIN LATERAL (
        SELECT d.delivery_id FROM webhook_deliveries d
        WHERE d.webhook_id = w.webhook_id AND d.state = 'pending' AND d.next_at <= now()
        ORDER BY d.delivery_id LIMIT CASE WHEN w.failures > 0 THEN 1 ELSE %(each)s END
        FOR UPDATE OF d SKIP LOCKED) c
    WHERE w.disabled_at IS NULL AND w.next_at <= now()
    ORDER BY w.webhook_id LIMIT %(limit)s
)
UPDATE webhook_deliveries d
SET attempts = d.attempts + 1, next_at = now() + make_interval(secs => %(lease)s)
FROM due WHERE d.delivery_id = due.delivery_id
RETURNING d.delivery_id, d.webhook_id, d.body, d.attempts, due.url, due.secret, due.failures,
          coalesce(extract(epoch FROM now() - due.failing_since), 0)::float8

-- name: end_delivery
-- It was delivered, or will not be any more.
UPDATE webhook_deliveries SET state = %(state)s, status = %(status)s, error = %(error)s, ended_at = now()
WHERE delivery_id = %(delivery_id)s AND state = 'pending'

-- name: delay_delivery
-- It is tried again later.
UPDATE webhook_deliveries
SET status = %(status)s, error = %(error)s, next_at = now() + make_interval(secs => %(seconds)s)
WHERE delivery_id = %(delivery_id)s AND state = 'pending'

-- name: note_answer
-- The receiver is there.
UPDATE webhooks SET failures = 0, failing_since = NULL, next_at = now()
WHERE webhook_id = %(webhook_id)s AND failures > 0

-- name: note_silence
-- The receiver is not there, for the so-maniest time: nothing is sent for a while. Several that find it out at once
-- are one failure.
UPDATE webhooks
SET failures = greatest(failures, %(failures)s), failing_since = coalesce(failing_since, now()),
    next_at = greatest(next_at, now() + make_interval(secs => %(seconds)s))
WHERE webhook_id = %(webhook_id)s

-- name: disable_webhook
-- It is sent nothing any more; what it was still to be sent has failed.
WITH disabled AS (
    UPDATE webhooks SET disabled_at = now(), disabled_reason = %(reason)s
    WHERE webhook_id = %(webhook_id)s AND disabled_at IS NULL RETURNING webhook_id
)
UPDATE webhook_deliveries d SET state = 'failed', error = coalesce(d.error, %(reason)s), ended_at = now()
FROM disabled w WHERE d.webhook_id = w.webhook_id AND d.state = 'pending'

-- name: list_deliveries
-- What a receiver was sent, the newest first, before one of them.
SELECT delivery_id, seq, name, state, attempts, next_at, status, error, created_at, ended_at FROM webhook_deliveries
WHERE webhook_id = %(webhook_id)s AND delivery_id < %(before)s AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY delivery_id DESC LIMIT %(limit)s

-- name: repeat_delivery
-- A delivery that has ended is sent again, with the same id.
UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at = now(), ended_at = NULL
WHERE webhook_id = %(webhook_id)s AND delivery_id = %(delivery_id)s AND state <> 'pending'

-- name: delete_old_deliveries
-- Deliveries that have ended so many days ago, or were to be made then to a receiver that is disabled; some of them at
-- a time.
DELETE FROM webhook_deliveries WHERE delivery_id IN (
    (SELECT delivery_id FROM webhook_deliveries
     WHERE ended_at < now() - make_interval(days => %(days)s) LIMIT %(limit)s)
    UNION ALL
    (SELECT d.delivery_id FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.webhook_id
     WHERE w.disabled_at IS NOT NULL AND d.state = 'pending' AND d.created_at < now() - make_interval(days => %(days)s)
     LIMIT %(limit)s))
