-- name: insert_calls
-- The intent of calls, durable before their requests leave; refused for jobs that are no longer held.
INSERT INTO provider_calls (call_id, pipeline_id, job_id, provider, endpoint, subjects)
SELECT c.call_id, c.pipeline_id, c.job_id, c.provider, c.endpoint, c.subjects
FROM json_to_recordset(%(calls)s::json) AS c (
    call_id uuid, pipeline_id uuid, job_id bigint, fence int, provider text, endpoint text, subjects int)
JOIN job_queue j ON j.job_id = c.job_id AND j.fence = c.fence AND j.state = 'processing'
-- The reaper waits for this row, and then sees the call.
FOR SHARE OF j
RETURNING call_id::text

-- name: find_facts
-- The newest fresh answer for each of these keys.
SELECT DISTINCT ON (fact_key) fact_key::text, call_id::text, answer
FROM provider_facts
WHERE fact_key = ANY(%(keys)s::uuid[]) AND fetched_at > now() - make_interval(secs => %(freshness)s)
ORDER BY fact_key, fetched_at DESC
