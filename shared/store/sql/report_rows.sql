-- name: select_searches
-- Completed searches of a pipeline, with what stood beside the results and when the oldest of their answers was bought.
SELECT i.item_id, i.input ->> 'q', i.input ->> 'region', i.input ->> 'type',
       coalesce(r.payload -> 'features', '[]')::text, (r.payload -> 'owners')::text,
       (SELECT min(f.fetched_at) FROM jsonb_to_recordset(r.facts) AS u (key uuid, call_id uuid)
        JOIN provider_facts f ON f.fact_key = u.key AND f.call_id = u.call_id)
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = 'serp_collection'
ORDER BY i.item_id

-- name: select_rankings
-- What ranked in them, in the order of the answers; only what the report shows.
SELECT item_id, position, url, domain, title, source
FROM rankings WHERE pipeline_id = %(pipeline_id)s
ORDER BY item_id, ordinal

-- name: select_videos
-- Completed videos of a pipeline.
SELECT i.key, r.payload::text
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = 'video_enrichment'
ORDER BY i.key

-- name: select_volumes
-- Search volumes and prices of a click by canonical keyword and region; null where the provider has none.
SELECT i.key::jsonb ->> 0, i.key::jsonb ->> 1, (r.payload ->> 'volume')::bigint, (r.payload ->> 'cpc_micros')::bigint
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = 'keyword_metrics'
ORDER BY i.key

-- name: select_companies
-- Domains that were looked up, with what the report shows of the companies behind them.
SELECT i.key, (r.payload - '{description,website,technologies,linkedin_url}'::text[])::text
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = 'company_enrichment'
ORDER BY i.key

-- name: select_analyses
-- Analysed pages, of each score the bare number; null where it is void.
SELECT i.key,
       coalesce((SELECT jsonb_object_agg(s.key, s.value -> 'score')
                 FROM jsonb_each(r.payload -> 'scores') AS s), '{}')::text,
       coalesce(r.payload ->> 'journey_phase', ''), coalesce(r.payload ->> 'page_type', ''),
       coalesce(r.payload ->> 'sentiment', '')
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = 'content_analysis'
ORDER BY i.key

-- name: select_pages
-- Fetched pages of a pipeline, without their text.
SELECT i.key, (r.payload ->> 'found')::boolean, coalesce(r.payload ->> 'title', ''),
       coalesce((r.payload ->> 'words')::integer, 0), coalesce(r.payload ->> 'language', ''),
       coalesce(r.payload ->> 'published', '')
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase = 'content_scraping'
ORDER BY i.key

-- name: select_call_sums
-- What a pipeline's own calls came to, by endpoint.
SELECT provider, endpoint, count(*) FILTER (WHERE state <> 'refunded'), count(*) FILTER (WHERE state = 'in_doubt'),
       sum(subjects) FILTER (WHERE state <> 'refunded'), sum(units), sum(money)
FROM provider_calls WHERE pipeline_id = %(pipeline_id)s
GROUP BY provider, endpoint
ORDER BY provider, endpoint

-- name: count_lineage
-- Results that figures rest on, and those of them whose answers are stored. A closing phase's rest on the others.
SELECT count(*), count(*) FILTER (WHERE jsonb_array_length(r.facts) > 0 AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(r.facts) AS u (key uuid, call_id uuid)
    WHERE NOT EXISTS (SELECT FROM provider_facts f WHERE f.fact_key = u.key AND f.call_id = u.call_id)))
FROM results r
WHERE r.pipeline_id = %(pipeline_id)s AND r.phase <> ALL(%(closing)s)
