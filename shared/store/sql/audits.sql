-- name: find_audit_due
-- The pipeline that has not been audited for the longest: one that runs, after so many seconds; or one that has ended
-- within a day, once.
SELECT p.pipeline_id, p.state
FROM pipelines p
LEFT JOIN LATERAL (
    SELECT audited_at FROM pipeline_audits WHERE pipeline_id = p.pipeline_id ORDER BY audit_id DESC LIMIT 1) a ON true
WHERE NOT p.deleting AND (
    p.ended_at IS NULL AND coalesce(a.audited_at, p.created_at) < now() - make_interval(secs => %(every)s)
    OR p.ended_at > now() - interval '1 day' AND NOT p.unsettled AND (a.audited_at IS NULL OR a.audited_at < p.ended_at))
ORDER BY a.audited_at NULLS FIRST, p.created_at LIMIT 1

-- name: sum_items
-- Items of a pipeline; from counters.
SELECT coalesce(sum(delta), 0)::bigint FROM counters
WHERE pipeline_id = %(pipeline_id)s AND name IN ('pending', 'processing', 'completed', 'failed', 'skipped')

-- name: insert_audit
-- What an audit has found, unless the pipeline is being deleted. Of each pipeline the latest are kept.
WITH kept AS MATERIALIZED (
    SELECT pipeline_id FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting FOR KEY SHARE
), old AS (
    DELETE FROM pipeline_audits WHERE audit_id IN (
        SELECT audit_id FROM pipeline_audits WHERE pipeline_id = %(pipeline_id)s
        ORDER BY audit_id DESC OFFSET %(keep)s - 1)
)
INSERT INTO pipeline_audits (pipeline_id, state, passed, detail, checks, costs, seconds)
SELECT pipeline_id, %(state)s, %(passed)s, %(detail)s, %(checks)s::jsonb, %(costs)s::jsonb, %(seconds)s FROM kept

-- name: find_latest_audit
-- The latest audit of a pipeline that came to an end.
SELECT state, passed, checks, costs, audited_at FROM pipeline_audits
WHERE pipeline_id = %(pipeline_id)s AND passed IS NOT NULL ORDER BY audit_id DESC LIMIT 1

-- name: find_failed_audits
-- Audits of the last day that failed, and none of the same pipeline has passed since; the newest first.
SELECT a.pipeline_id, a.detail, a.audited_at FROM pipeline_audits a
WHERE NOT a.passed AND a.audited_at > now() - interval '1 day' AND NOT EXISTS (
    SELECT FROM pipeline_audits b
    WHERE b.pipeline_id = a.pipeline_id AND b.audit_id > a.audit_id AND b.passed IS NOT NULL)
ORDER BY a.audit_id DESC LIMIT %(limit)s
