-- Which processes there are, and what pipelines are found by.

CREATE TABLE workers (
    holder     text PRIMARY KEY,                 -- as in leases and jobs
    service    text NOT NULL,
    version    text NOT NULL,                    -- of the code it runs
    host       text NOT NULL,
    pid        integer NOT NULL,
    threads    integer NOT NULL,                 -- jobs it holds at once
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Whose landscape it is: to be listed and searched without reading configurations, which may be large.
ALTER TABLE pipelines ADD label text NOT NULL DEFAULT '';
UPDATE pipelines SET label = coalesce(config->'company'->>'name', '');
CREATE INDEX pipelines_listed ON pipelines (created_at, pipeline_id);
-- Whose rows are being deleted, in parts; nothing works on it any more.
ALTER TABLE pipelines ADD deleting boolean NOT NULL DEFAULT false;
ALTER TABLE pipeline_actions DROP CONSTRAINT pipeline_actions_action_check;
ALTER TABLE pipeline_actions ADD CONSTRAINT pipeline_actions_action_check CHECK (
    action IN ('pause', 'unpause', 'cancel', 'resume', 'takeover', 'checkpoint', 'rewind', 'budget', 'decide',
               'restart_phase', 'delete'));

-- What a service's workers know of their provider: for whoever has to say what a pipeline will cost, and does not know it.
CREATE TABLE provider_profiles (
    service             text PRIMARY KEY,
    provider            text NOT NULL,
    source              text NOT NULL,           -- as facts and days name it
    unit                text NOT NULL,
    unit_price          double precision,        -- null: unknown
    concurrency         integer NOT NULL,
    requests_per_second double precision NOT NULL,   -- 0: no limit
    units_per_day       double precision,        -- null: no limit
    day_zone            text NOT NULL,
    freshness_seconds   double precision NOT NULL,
    declared_at         timestamptz NOT NULL DEFAULT now()
);
