-- name: list_standings
-- Every provider whose workers have run: its terms, what today's calls were charged or may be, by the day of its own
-- time zone, and what those of the last hour, by whole minutes, were charged.
SELECT f.service, f.provider, f.source, f.unit, f.unit_price, f.concurrency, f.requests_per_second, f.units_per_day,
       f.day_zone, f.freshness_seconds, (now() AT TIME ZONE f.day_zone)::date, d.committed, h.units, h.calls,
       extract(epoch FROM ((now() AT TIME ZONE f.day_zone)::date + 1)::timestamp AT TIME ZONE f.day_zone - now())::float8,
       coalesce(b.state, 'closed'), coalesce(b.forced, false), coalesce(b.reason, '')
FROM provider_profiles f
LEFT JOIN provider_days d ON d.provider = f.source AND d.day = (now() AT TIME ZONE f.day_zone)::date
LEFT JOIN circuit_breakers b ON b.service = f.service
LEFT JOIN (
    SELECT provider, sum(units) AS units, sum(calls)::int AS calls FROM provider_counters
    WHERE minute >= date_trunc('minute', now() - interval '1 hour', 'UTC') GROUP BY provider
) h ON h.provider = f.provider
ORDER BY f.service

-- name: fold_provider_counters
-- Replaces the delta rows of a provider's minute by their sum. Of older minutes only a late charge comes in: it stays as
-- it came until it is deleted.
WITH folded AS (
    DELETE FROM provider_counters WHERE (minute, provider) IN (
        SELECT minute, provider FROM provider_counters WHERE minute > now() - interval '2 hours'
        GROUP BY 1, 2 HAVING count(*) > 1)
    RETURNING *
)
INSERT INTO provider_counters (minute, provider, calls, units)
SELECT minute, provider, sum(calls), sum(units) FROM folded GROUP BY 1, 2

-- name: delete_provider_counters
-- Minutes nobody asks for any more, some of them at a time.
DELETE FROM provider_counters WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM provider_counters WHERE minute < now() - make_interval(days => %(days)s) LIMIT %(limit)s))
