-- The record: pipelines, their items, jobs, calls, facts and results.
--
-- Immutable facts of an item stand apart from its hot state, so that state changes stay HOT:
-- pipeline_state has a fill factor and no index on anything that changes. What is due stands in
-- `ready`, what is not due yet in `waiting`; a pending item is in exactly one of them or in an open job.
--
-- No foreign keys: each check locks its parent row, and every insert of a pipeline has the same few
-- parents. `landscape audit` proves what they would.

CREATE TABLE pipelines (
    pipeline_id uuid PRIMARY KEY,
    state       text NOT NULL DEFAULT 'running'
        CHECK (state IN ('running', 'paused', 'completed', 'completed_with_gaps', 'failed', 'cancelled')),
    config      jsonb NOT NULL,            -- frozen at the start; resume and retry always use it
    config_hash text NOT NULL,
    priority    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    CHECK ((ended_at IS NOT NULL) = (state IN ('completed', 'completed_with_gaps', 'failed', 'cancelled')))
);
CREATE INDEX pipelines_open ON pipelines (created_at) WHERE ended_at IS NULL;
CREATE INDEX pipelines_ended ON pipelines (ended_at);

CREATE TABLE items (
    pipeline_id uuid NOT NULL,
    item_id     bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    phase       text NOT NULL,
    key         text NOT NULL,             -- canonical
    input       jsonb NOT NULL,
    batch_key   text NOT NULL DEFAULT '',  -- items of one call share it
    PRIMARY KEY (pipeline_id, item_id),
    UNIQUE (pipeline_id, phase, key)
);

CREATE TABLE pipeline_state (
    pipeline_id    uuid NOT NULL,
    item_id        bigint NOT NULL,
    state          text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'skipped')),
    attempts       smallint NOT NULL DEFAULT 0,
    crashes        smallint NOT NULL DEFAULT 0,   -- times a worker died while processing it
    job_id         bigint,
    next_at        timestamptz,                   -- with wait_reason: pending, but not due yet
    wait_reason    text,
    error_category text,
    last_error     text,
    degraded       text,
    from_store     boolean NOT NULL DEFAULT false,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, item_id),
    CHECK ((next_at IS NULL) = (wait_reason IS NULL)),
    CHECK (next_at IS NULL OR state = 'pending'),
    CHECK (state <> 'processing' OR job_id IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE ready (
    pipeline_id uuid NOT NULL,
    item_id     bigint NOT NULL,
    phase       text NOT NULL,
    batch_key   text NOT NULL,
    alone       boolean NOT NULL DEFAULT false,   -- its last job crashed: gets a job of its own
    due_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, item_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX ready_next ON ready (phase, pipeline_id, batch_key, alone, due_at, item_id);

CREATE TABLE waiting (
    pipeline_id uuid NOT NULL,
    item_id     bigint NOT NULL,
    phase       text NOT NULL,
    reason      text NOT NULL,
    next_at     timestamptz NOT NULL,
    PRIMARY KEY (pipeline_id, item_id)
);
CREATE INDEX waiting_next ON waiting (phase, next_at);

CREATE TABLE job_queue (
    job_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline_id   uuid NOT NULL,
    queue_name    text NOT NULL,
    job_type      text NOT NULL,                  -- the phase
    item_ids      bigint[] NOT NULL,              -- the payload
    priority      integer NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'dispatched', 'processing', 'completed', 'expired')),
    fence         integer NOT NULL DEFAULT 0,
    lease_holder  text,
    lease_until   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    dispatched_at timestamptz,
    started_at    timestamptz,
    ended_at      timestamptz,
    CHECK ((state = 'processing') = (lease_until IS NOT NULL)),
    CHECK ((ended_at IS NOT NULL) = (state IN ('completed', 'expired')))
);
CREATE INDEX job_queue_open ON job_queue (queue_name, job_id) WHERE state IN ('pending', 'dispatched', 'processing');
CREATE INDEX job_queue_pipeline ON job_queue (pipeline_id);

CREATE TABLE leases (
    name        text PRIMARY KEY,                 -- a service, or `housekeeping`
    holder      text NOT NULL,
    lease_until timestamptz NOT NULL
);

-- The ledger. A row is durable before its request leaves.
CREATE TABLE provider_calls (
    call_id          uuid PRIMARY KEY,
    pipeline_id      uuid NOT NULL,
    job_id           bigint NOT NULL,
    provider         text NOT NULL,
    endpoint         text NOT NULL,
    subjects         integer NOT NULL CHECK (subjects > 0),
    state            text NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'settled', 'in_doubt', 'refunded')),
    outcome          text,                        -- ok, or the error's category
    status           smallint,
    units            double precision,            -- null: unknown
    money            double precision,            -- null: unknown, never 0 for want of a price
    duration_seconds double precision,
    error            text,
    sent_at          timestamptz NOT NULL DEFAULT now(),
    settled_at       timestamptz,
    CHECK ((state = 'sent') = (outcome IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX provider_calls_job ON provider_calls (job_id);
CREATE INDEX provider_calls_pipeline ON provider_calls (pipeline_id);
CREATE INDEX provider_calls_recent ON provider_calls USING brin (sent_at);

-- What was bought: one row per subject and call. The newest fresh one answers.
CREATE TABLE provider_facts (
    fact_key   uuid NOT NULL,                     -- hash of provider, endpoint, subject, params
    call_id    uuid NOT NULL,
    provider   text NOT NULL,
    endpoint   text NOT NULL,
    subject    text NOT NULL,
    params     jsonb NOT NULL,
    answer     jsonb,                             -- null: the provider does not know the subject
    fetched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fact_key, call_id)
);
CREATE INDEX provider_facts_call ON provider_facts (call_id);

-- The evidence: a completed item has exactly one row, written in the same transaction as its state.
CREATE TABLE results (
    pipeline_id uuid NOT NULL,
    item_id     bigint NOT NULL,
    phase       text NOT NULL,
    payload     jsonb NOT NULL,
    facts       jsonb NOT NULL,                   -- [{key, call_id}]: lineage to provider_facts
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, item_id)
);

CREATE TABLE rankings (
    pipeline_id uuid NOT NULL,
    item_id     bigint NOT NULL,
    position    smallint NOT NULL CHECK (position > 0),
    ordinal     smallint NOT NULL,                -- place in the answer; positions may repeat
    url         text NOT NULL,
    domain      text NOT NULL,
    title       text NOT NULL,
    snippet     text NOT NULL,
    source      text NOT NULL,
    published   text NOT NULL,
    length      text NOT NULL,
    PRIMARY KEY (pipeline_id, item_id, ordinal)
);

-- Append-only deltas, folded by housekeeping; a count is their sum, so progress never counts rows.
CREATE TABLE counters (
    counter_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline_id uuid NOT NULL,
    phase       text NOT NULL,
    name        text NOT NULL,                    -- an item state, waiting.<reason>, calls, units, from_store, degraded
    delta       bigint NOT NULL
);
CREATE INDEX counters_pipeline ON counters (pipeline_id, phase, name);
