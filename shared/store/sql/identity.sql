-- name: select_overrides
-- What people say about domains.
SELECT domain, name, platform, actor, reason FROM company_overrides ORDER BY domain

-- name: upsert_override
-- Says whose a domain is, in place of what was said before.
INSERT INTO company_overrides (domain, name, platform, actor, reason)
VALUES (%(domain)s, %(name)s, %(platform)s, %(actor)s, %(reason)s)
ON CONFLICT (domain) DO UPDATE SET name = excluded.name, platform = excluded.platform, actor = excluded.actor,
    reason = excluded.reason, changed_at = now()

-- name: delete_override
-- Lets a domain go by its match again.
DELETE FROM company_overrides WHERE domain = %(domain)s RETURNING domain
