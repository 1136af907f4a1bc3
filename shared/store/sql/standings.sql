-- name: list_standings
-- Every provider whose workers have run: its terms, what today's calls were charged or may be, by the day of its own
-- time zone, and what those of the last hour were charged.
SELECT f.service, f.provider, f.source, f.unit, f.unit_price, f.concurrency, f.requests_per_second, f.units_per_day,
       f.day_zone, f.freshness_seconds, (now() AT TIME ZONE f.day_zone)::date, d.committed, h.units, h.calls,
       extract(epoch FROM ((now() AT TIME ZONE f.day_zone)::date + 1)::timestamp AT TIME ZONE f.day_zone - now())::float8,
       coalesce(b.state, 'closed'), coalesce(b.forced, false), coalesce(b.reason, '')
FROM provider_profiles f
LEFT JOIN provider_days d ON d.provider = f.source AND d.day = (now() AT TIME ZONE f.day_zone)::date
LEFT JOIN circuit_breakers b ON b.service = f.service
LEFT JOIN (
    SELECT provider, sum(units) AS units, count(*)::int AS calls FROM provider_calls
    WHERE sent_at > now() - interval '1 hour' GROUP BY provider
) h ON h.provider = f.provider
ORDER BY f.service
