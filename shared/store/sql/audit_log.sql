-- name: open_entry
-- A write is about to be tried.
INSERT INTO audit_log (actor, key_id, key_name, operation, path, reason, request_id)
VALUES (%(actor)s, %(key_id)s, %(key_name)s, %(operation)s, %(path)s, %(reason)s, %(request_id)s)
RETURNING entry_id

-- name: close_entry
-- How it was answered.
UPDATE audit_log SET status = %(status)s WHERE entry_id = %(entry_id)s

-- name: list_entries
-- Writes, the newest first, before an entry.
SELECT entry_id, asked_at, actor, key_id, key_name, operation, path, reason, request_id, status FROM audit_log
WHERE entry_id < %(before)s AND (%(actor)s::text IS NULL OR actor = %(actor)s)
  AND (%(operation)s::text IS NULL OR operation = %(operation)s)
  AND (%(target)s::text IS NULL OR strpos(path, %(target)s) > 0)
ORDER BY entry_id DESC LIMIT %(limit)s

-- name: delete_old_entries
-- What is older than this many days, some of it at a time.
DELETE FROM audit_log WHERE entry_id IN (
    SELECT entry_id FROM audit_log WHERE asked_at < now() - make_interval(days => %(days)s) LIMIT %(limit)s)
