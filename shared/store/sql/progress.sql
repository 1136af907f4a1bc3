-- name: sum_counters
-- Every counter of a pipeline; no row of an item is read.
SELECT phase, name, sum(delta)::bigint FROM counters
WHERE pipeline_id = %(pipeline_id)s GROUP BY phase, name ORDER BY phase, name
