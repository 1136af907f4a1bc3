-- name: get_budget
-- A pipeline's budget with what is committed of it; no row without one.
SELECT budget, committed FROM pipeline_budgets WHERE pipeline_id = %(pipeline_id)s AND budget IS NOT NULL

-- name: lock_budgeted
-- Nobody else sets the budget of this pipeline before the transaction ends. Its calls go on.
SELECT FROM pipelines WHERE pipeline_id = %(pipeline_id)s FOR NO KEY UPDATE

-- name: set_budget
-- A pipeline may spend so much in all. What it has committed before it had a budget counts. One that was started by a
-- gateway of an earlier version may have no row yet.
INSERT INTO pipeline_budgets (pipeline_id, budget, committed)
SELECT %(pipeline_id)s, %(budget)s, coalesce(sum(coalesce(committed_money, money)), 0) FROM provider_calls
WHERE pipeline_id = %(pipeline_id)s
ON CONFLICT (pipeline_id) DO UPDATE SET budget = excluded.budget

-- name: tell_budget
-- Four fifths of what it may spend from now on are committed already.
INSERT INTO events (name, pipeline_id, data, once)
SELECT 'budget.80', pipeline_id, jsonb_build_object('budget', budget, 'committed', committed), 'budget.80 ' || pipeline_id
FROM pipeline_budgets WHERE pipeline_id = %(pipeline_id)s AND committed > 0 AND committed >= 0.8 * budget
ON CONFLICT (once) DO NOTHING

-- name: wake_for_budget
-- Items that wait for the budget are due at once: who finds that it does not suffice waits again.
UPDATE waiting SET next_at = now() WHERE pipeline_id = %(pipeline_id)s AND reason = 'budget' AND next_at > now()

-- name: list_days
-- What providers were charged, or may be, by day of their own time zone; the newest first.
SELECT provider, day, most, committed FROM provider_days ORDER BY day DESC, provider LIMIT %(limit)s
