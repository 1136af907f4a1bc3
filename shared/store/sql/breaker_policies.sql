-- name: get_breaker_policy
-- What operators made of a breaker's policy last, and what its workers are configured to.
SELECT b.configured, coalesce(p.edits, '{}'), coalesce(p.version, 0), p.actor, p.reason, p.changed_at
FROM (SELECT %(service)s::text AS service) s
LEFT JOIN circuit_breakers b ON b.service = s.service
LEFT JOIN LATERAL (
    SELECT * FROM breaker_policies WHERE service = s.service ORDER BY version DESC LIMIT 1
) p ON true

-- name: get_breaker_edits
-- The newest version of a breaker's policy.
SELECT version, edits FROM breaker_policies WHERE service = %(service)s ORDER BY version DESC LIMIT 1

-- name: lock_breaker_policy
-- Makes the breaker's row if there is none, and keeps others from editing its policy until the transaction ends.
INSERT INTO circuit_breakers (service) VALUES (%(service)s)
ON CONFLICT (service) DO UPDATE SET service = excluded.service

-- name: insert_breaker_policy
-- A version more, which holds from now on.
INSERT INTO breaker_policies (service, edits, actor, reason)
VALUES (%(service)s, %(edits)s::jsonb, %(actor)s, %(reason)s)

-- name: list_breaker_policies
-- What operators made of a breaker's policy, the newest first.
SELECT version, edits, actor, reason, changed_at FROM breaker_policies
WHERE service = %(service)s ORDER BY version DESC LIMIT %(limit)s
