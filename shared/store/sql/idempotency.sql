-- name: claim_key
-- A key that is used for the first time, or whose time is over, belongs to this transaction. No row otherwise; waits
-- for a transaction that has it.
INSERT INTO idempotency_keys AS k (asker, path, key, body) VALUES (%(asker)s, %(path)s, %(key)s, %(body)s)
ON CONFLICT (asker, path, key) DO UPDATE
SET body = excluded.body, status = NULL, location = NULL, answer = NULL, created_at = now()
WHERE k.created_at < now() - make_interval(hours => %(hours)s)
RETURNING key

-- name: keep_answer
-- What was answered, for whoever asks again.
UPDATE idempotency_keys SET status = %(status)s, location = %(location)s, answer = %(answer)s
WHERE asker = %(asker)s AND path = %(path)s AND key = %(key)s

-- name: find_answer
-- What was answered to a key.
SELECT body, status, location, answer FROM idempotency_keys
WHERE asker = %(asker)s AND path = %(path)s AND key = %(key)s

-- name: delete_old_keys
-- Keys whose time is over, some of them at a time.
DELETE FROM idempotency_keys WHERE (asker, path, key) IN (
    SELECT asker, path, key FROM idempotency_keys
    WHERE created_at < now() - make_interval(hours => %(hours)s) LIMIT %(limit)s)
