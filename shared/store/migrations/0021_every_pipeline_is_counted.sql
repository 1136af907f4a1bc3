-- Every pipeline's money is counted, whether or not it has a budget: one that gets its first while calls are leaving
-- could not know of those that had not yet been written.

ALTER TABLE pipeline_budgets ALTER COLUMN budget DROP NOT NULL;    -- null: no limit

INSERT INTO pipeline_budgets (pipeline_id, committed)
SELECT p.pipeline_id, coalesce(sum(coalesce(c.committed_money, c.money)), 0)
FROM pipelines p LEFT JOIN provider_calls c USING (pipeline_id)
GROUP BY 1
ON CONFLICT DO NOTHING;
