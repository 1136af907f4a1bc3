-- name: insert_api_key
-- A key that is valid from now on.
INSERT INTO api_keys (key_id, name, role, scopes, digest, expires_at)
VALUES (%(key_id)s, %(name)s, %(role)s, %(scopes)s, %(digest)s,
        now() + make_interval(secs => %(seconds)s::float8))

-- name: use_api_key
-- A key that is valid now, with its digest; that it was used is written once a minute.
WITH found AS (
    SELECT key_id, name, role, scopes, digest, last_used_at FROM api_keys
    WHERE key_id = %(key_id)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
), used AS (
    UPDATE api_keys k SET last_used_at = now() FROM found f
    WHERE k.key_id = f.key_id AND f.digest = %(digest)s
      AND (f.last_used_at IS NULL OR f.last_used_at < now() - interval '1 minute')
)
SELECT name, role, scopes, digest FROM found

-- name: list_api_keys
-- All keys, or one; the newest first.
SELECT key_id, name, role, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_keys
WHERE %(key_id)s::uuid IS NULL OR key_id = %(key_id)s
ORDER BY created_at DESC, key_id LIMIT %(limit)s

-- name: revoke_api_key
-- From now on a key opens nothing. Revoked again, it stays as it is.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %(key_id)s RETURNING key_id
