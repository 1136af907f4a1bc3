-- Why something waits: what the explanation has to know, pauses of queues, switches of pipelines, audits on a schedule.

-- Of a service, beside its breaker: what its workers are configured to, null before any has run; and its queue's pause.
ALTER TABLE circuit_breakers
    ADD provider       text,
    ADD items_per_call integer,
    ADD linger_seconds double precision,
    ADD paused_at      timestamptz,
    ADD paused_by      text,
    ADD pause_reason   text,
    ADD unpaused_at    timestamptz,               -- nothing is given up for the time before it
    ADD CHECK ((paused_at IS NULL) = (paused_by IS NULL) AND (paused_at IS NULL) = (pause_reason IS NULL));

-- Who paused and unpaused a queue, and why.
CREATE TABLE queue_actions (
    action_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue_name text NOT NULL,
    action     text NOT NULL CHECK (action IN ('pause', 'unpause')),
    actor      text NOT NULL,
    reason     text NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}',       -- what it came to
    done_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX queue_actions_queue ON queue_actions (queue_name, action_id);

-- Copied from the configuration, which may be too large to be read at every dispatch.
ALTER TABLE pipelines
    ADD bypasses_breaker boolean NOT NULL DEFAULT false,   -- its calls start whatever the breaker says, and tell it nothing
    ADD single_items     boolean NOT NULL DEFAULT false;   -- jobs of one item each

-- Which of a pipeline's items waits the shortest.
CREATE INDEX waiting_pipeline ON waiting (pipeline_id, phase, next_at);

-- What audits on a schedule have found.
CREATE TABLE pipeline_audits (
    audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline_id uuid NOT NULL,
    state       text NOT NULL,                    -- of the pipeline, at that moment
    passed      boolean,                          -- null: it was not audited, detail says why
    detail      text NOT NULL,
    checks      jsonb NOT NULL DEFAULT '[]',
    costs       jsonb NOT NULL DEFAULT '[]',
    seconds     double precision NOT NULL,
    audited_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pipeline_audits_pipeline ON pipeline_audits (pipeline_id, audit_id);
CREATE INDEX pipeline_audits_failed ON pipeline_audits (audited_at) WHERE NOT passed;
