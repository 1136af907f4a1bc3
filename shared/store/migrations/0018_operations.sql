-- Bulk actions that are too long for a request, and what operators make of the breakers' policies.

CREATE TABLE operations (
    operation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('replay', 'discard', 'retry_failed')),
    state        text NOT NULL DEFAULT 'queued'
                 CHECK (state IN ('queued', 'running', 'completed', 'cancelled', 'failed')),
    selection    jsonb NOT NULL,                   -- what was asked for
    last_job_id  bigint NOT NULL,                  -- the newest job there was: a later letter is not part of it
    position     bigint NOT NULL DEFAULT 0,        -- everything up to this letter, or item, has had its turn
    matched      integer NOT NULL,
    done         integer NOT NULL DEFAULT 0,
    failed       integer NOT NULL DEFAULT 0,       -- left alone, because their pipeline was cancelled
    actor        text NOT NULL,
    reason       text NOT NULL,
    detail       text NOT NULL DEFAULT '',         -- why it ended before its time
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    ended_at     timestamptz,
    CHECK ((ended_at IS NULL) = (state IN ('queued', 'running'))),
    CHECK (started_at IS NOT NULL OR state IN ('queued', 'cancelled')),
    CHECK (done + failed <= matched)
);
CREATE INDEX operations_open ON operations (operation_id) WHERE ended_at IS NULL;

-- The rest of what a breaker's workers follow, and what they are configured to, without what an operator has set.
ALTER TABLE circuit_breakers
    ADD window_seconds double precision,
    ADD failure_share  double precision,
    ADD probes         integer,
    ADD slow_seconds   double precision,
    ADD configured     jsonb;

-- What operators made of a breaker's policy: the newest row of a service holds, those before it are the history.
CREATE TABLE breaker_policies (
    version    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service    text NOT NULL,
    edits      jsonb NOT NULL,                     -- field -> value; a field that is not there is as configured
    actor      text NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX breaker_policies_newest ON breaker_policies (service, version DESC);
