-- name: take_lease
-- Takes or renews a named lease; no row when another holds it.
INSERT INTO leases (name, holder, lease_until)
VALUES (%(name)s, %(holder)s, now() + make_interval(secs => %(lease)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
WHERE leases.holder = excluded.holder OR leases.lease_until < now()
RETURNING name

-- name: lease_left
-- Seconds until a lease is free; no row when nobody ever held it, or its holder gave it back.
SELECT greatest(0, extract(epoch FROM lease_until - clock_timestamp()))::float8 FROM leases WHERE name = %(name)s

-- name: drop_lease
-- Gives a lease back at once.
DELETE FROM leases WHERE name = %(name)s AND holder = %(holder)s
