-- What may be spent: units a day by provider, money by pipeline. A call sets aside the most it can cost before
-- it leaves, and gives back what it did not cost once that is known. So `committed` never lags behind.

CREATE TABLE provider_days (
    provider  text NOT NULL,             -- as facts name it: a stand-in has days of its own
    day       date NOT NULL,             -- of the provider's own time zone
    most      double precision,          -- units that may be charged; null: no limit
    committed double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, day)
);

CREATE TABLE pipeline_budgets (
    pipeline_id uuid PRIMARY KEY,
    budget      double precision NOT NULL CHECK (budget >= 0),   -- money; may be raised while it runs
    committed   double precision NOT NULL DEFAULT 0
);

ALTER TABLE provider_calls
    ADD source          text,                  -- as provider_days.provider; with day: counted there
    ADD day             date,
    ADD committed_units double precision,      -- what this call stands for in provider_days
    ADD committed_money double precision;      -- and in pipeline_budgets; null: not counted

-- Who is about to buy a fact: others wait for it instead of buying it, too. Gone when the fact is stored or the
-- call has failed; void when the job's lease is over.
CREATE TABLE flights (
    fact_key uuid PRIMARY KEY,
    job_id   bigint NOT NULL,
    token    uuid NOT NULL             -- of this flight: a late end of an earlier one leaves it alone
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

ALTER TABLE pipeline_actions DROP CONSTRAINT pipeline_actions_action_check;
ALTER TABLE pipeline_actions ADD CONSTRAINT pipeline_actions_action_check CHECK (
    action IN ('pause', 'unpause', 'cancel', 'resume', 'takeover', 'checkpoint', 'rewind', 'budget'));
