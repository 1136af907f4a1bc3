-- name: save_profile
-- What the workers of a service know of its provider.
INSERT INTO provider_profiles (service, provider, source, unit, unit_price, concurrency, requests_per_second,
                               units_per_day, day_zone, freshness_seconds)
VALUES (%(service)s, %(provider)s, %(source)s, %(unit)s, %(unit_price)s, %(concurrency)s, %(requests_per_second)s,
        %(units_per_day)s, %(day_zone)s, %(freshness_seconds)s)
ON CONFLICT (service) DO UPDATE
SET provider = excluded.provider, source = excluded.source, unit = excluded.unit, unit_price = excluded.unit_price,
    concurrency = excluded.concurrency, requests_per_second = excluded.requests_per_second,
    units_per_day = excluded.units_per_day, day_zone = excluded.day_zone,
    freshness_seconds = excluded.freshness_seconds, declared_at = now()

-- name: list_profiles
-- Every provider whose workers have run, by service.
SELECT service, provider, source, unit, unit_price, concurrency, requests_per_second, units_per_day, day_zone,
       freshness_seconds
FROM provider_profiles ORDER BY service

-- name: find_held
-- Which of these facts are in the store, and fresh.
SELECT DISTINCT fact_key::text FROM provider_facts
WHERE fact_key = ANY(%(keys)s::uuid[]) AND fetched_at > now() - make_interval(secs => %(freshness)s)

-- name: select_experience
-- What the latest pipelines that ended found and bought, from their counters; their configuration without the keywords.
SELECT p.pipeline_id, jsonb_array_length(p.config->'keywords'), p.config->'regions', p.config->'content_types', p.config->'pages',
       c.phase, c.items, c.bought, c.calls, c.units
FROM (
    SELECT pipeline_id, config FROM pipelines
    WHERE state IN ('completed', 'completed_with_gaps') AND NOT deleting AND config->>'data_source' = %(data_source)s
      AND config->>'resume_from_pipeline_id' IS NULL
    ORDER BY created_at DESC LIMIT %(limit)s
) p
CROSS JOIN LATERAL (
    SELECT phase, sum(delta) FILTER (WHERE name IN ('completed', 'failed', 'skipped'))::bigint AS items,
           (coalesce(sum(delta) FILTER (WHERE name = 'completed'), 0) - coalesce(sum(delta) FILTER (WHERE name = 'from_store'), 0))::bigint AS bought,
           coalesce(sum(delta) FILTER (WHERE name = 'calls'), 0)::bigint AS calls,
           coalesce(sum(delta) FILTER (WHERE name = 'units'), 0)::bigint AS units
    FROM counters WHERE pipeline_id = p.pipeline_id GROUP BY phase
) c
