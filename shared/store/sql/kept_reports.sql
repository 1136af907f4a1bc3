-- name: select_marks
-- Hashes of what a report rests on: what people say about it; how far its pipeline has come, by counters and deeds. No row of an
-- item or a call is read. No row for an unknown pipeline.
SELECT md5(concat(
           (SELECT string_agg(w::text, E'\n' ORDER BY w.gate)
            FROM (SELECT gate, actor, reason, waived_at FROM gate_waivers WHERE pipeline_id = p.pipeline_id) w),
           E'\n',
           (SELECT string_agg(o::text, E'\n' ORDER BY o.domain) FROM company_overrides o))),
       md5(concat(
           p.state, p.ended_at, E'\n',
           (SELECT string_agg(c::text, E'\n' ORDER BY c.phase, c.name)
            FROM (SELECT phase, name, sum(delta) AS total FROM counters WHERE pipeline_id = p.pipeline_id
                  GROUP BY phase, name HAVING sum(delta) <> 0) c),
           E'\n',
           (SELECT max(a.action_id) FROM pipeline_actions a WHERE a.pipeline_id = p.pipeline_id))),
       p.ended_at IS NOT NULL
FROM pipelines p WHERE p.pipeline_id = %(pipeline_id)s AND NOT p.deleting

-- name: select_kept
-- A kept report with those of its parts that are asked for.
SELECT k.basis, k.made_at, k.seconds, p.part, p.content
FROM kept_reports k
JOIN kept_report_parts p ON p.pipeline_id = k.pipeline_id AND p.variant = k.variant
WHERE k.pipeline_id = %(pipeline_id)s AND k.variant = %(variant)s AND p.part = ANY(%(parts)s)

-- name: upsert_kept
-- The newest one of its kind. No row when its pipeline is gone, or when one that was made later is there.
INSERT INTO kept_reports (pipeline_id, variant, basis, made_at, seconds)
SELECT pipeline_id, %(variant)s, %(basis)s, %(made_at)s, %(seconds)s
FROM (SELECT pipeline_id FROM pipelines WHERE pipeline_id = %(pipeline_id)s AND NOT deleting FOR KEY SHARE) p
ON CONFLICT (pipeline_id, variant) DO UPDATE
SET basis = excluded.basis, made_at = excluded.made_at, seconds = excluded.seconds
WHERE kept_reports.made_at < excluded.made_at
RETURNING pipeline_id

-- name: upsert_part
-- One of its parts.
INSERT INTO kept_report_parts (pipeline_id, variant, part, content)
VALUES (%(pipeline_id)s, %(variant)s, %(part)s, %(content)s)
ON CONFLICT (pipeline_id, variant, part) DO UPDATE SET content = excluded.content

-- name: delete_oldest_kept
-- All kinds of a pipeline's kept reports but the newest ones.
WITH gone AS (
    DELETE FROM kept_reports k
    WHERE k.pipeline_id = %(pipeline_id)s AND k.variant NOT IN (
        SELECT n.variant FROM kept_reports n WHERE n.pipeline_id = %(pipeline_id)s
        ORDER BY n.made_at DESC, n.variant LIMIT %(kinds)s)
    RETURNING k.pipeline_id, k.variant
)
DELETE FROM kept_report_parts p USING gone g WHERE p.pipeline_id = g.pipeline_id AND p.variant = g.variant

-- name: delete_old_kept
-- Reports that were made long ago, with their parts; whoever asks for one has it made again.
WITH old AS (
    DELETE FROM kept_reports WHERE made_at < now() - make_interval(days => %(days)s) RETURNING pipeline_id, variant
)
DELETE FROM kept_report_parts p USING old o WHERE p.pipeline_id = o.pipeline_id AND p.variant = o.variant
