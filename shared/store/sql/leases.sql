-- name: take_lease
-- Takes or renews a named lease; no row when another holds it.
INSERT INTO leases (name, holder, lease_until)
VALUES (%(name)s, %(holder)s, now() + make_interval(secs => %(lease)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
WHERE leases.holder = excluded.holder OR leases.lease_until < now()
RETURNING name

-- name: drop_lease
-- Gives a lease back at once.
DELETE FROM leases WHERE name = %(name)s AND holder = %(holder)s
