-- name: save_worker
-- A process is there.
INSERT INTO workers (holder, service, version, host, pid, threads)
VALUES (%(holder)s, %(service)s, %(version)s, %(host)s, %(pid)s, %(threads)s)
ON CONFLICT (holder) DO UPDATE SET seen_at = now()

-- name: delete_worker
-- It has stopped.
DELETE FROM workers WHERE holder = %(holder)s

-- name: forget_workers
-- Those nobody has seen for so long are gone for good.
DELETE FROM workers WHERE seen_at < now() - make_interval(secs => %(seconds)s)

-- name: list_workers
-- Every process on record with its jobs, its calls under way and what it leads; the figures are those of the record.
SELECT w.holder, w.service, w.version, w.host, w.pid, w.threads, w.started_at, w.seen_at,
       w.seen_at > now() - make_interval(secs => %(seconds)s), j.jobs, j.calls,
       (SELECT coalesce(array_agg(l.name ORDER BY l.name), '{}') FROM leases l WHERE l.holder = w.holder AND l.lease_until > now())
FROM workers w CROSS JOIN LATERAL (
    SELECT count(DISTINCT q.job_id)::int AS jobs, count(c.call_id)::int AS calls
    FROM job_queue q LEFT JOIN provider_calls c ON c.job_id = q.job_id AND c.state = 'sent'
    WHERE q.state = 'processing' AND q.lease_holder = w.holder
) j
ORDER BY w.service, w.started_at, w.holder
