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
