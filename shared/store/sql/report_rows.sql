-- name: select_searches
-- Completed searches of a pipeline.
SELECT i.item_id, i.input ->> 'q', i.input ->> 'region', i.input ->> 'type'
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
-- Search volumes of a pipeline by canonical keyword and region; null where the provider has none.
SELECT i.key::jsonb ->> 0, i.key::jsonb ->> 1, (r.payload ->> 'volume')::bigint
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
