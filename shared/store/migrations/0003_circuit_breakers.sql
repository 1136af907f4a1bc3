-- Circuit breakers: what all processes share in Redis, mirrored here so that it outlives it.

CREATE TABLE circuit_breakers (
    service           text PRIMARY KEY,
    state             text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
    epoch             bigint NOT NULL DEFAULT 0,      -- grows with every change; the higher one counts
    failures          integer NOT NULL DEFAULT 0,     -- in a row
    successes         integer NOT NULL DEFAULT 0,     -- of probes
    trips             integer NOT NULL DEFAULT 0,     -- times it has opened by itself
    opened_at         timestamptz,
    reopen_at         timestamptz,                    -- when an open one is tried out
    since             timestamptz,                    -- when it was last closed; null while it is
    forced            boolean NOT NULL DEFAULT false, -- an operator holds it in its state
    actor             text NOT NULL DEFAULT 'breaker',
    reason            text NOT NULL DEFAULT '',
    changed_at        timestamptz NOT NULL DEFAULT now(),
    failure_threshold integer,                        -- these three as its workers are configured; null: none ran yet
    success_threshold integer,
    timeout_seconds   double precision,
    CHECK ((state = 'closed') = (since IS NULL)),
    CHECK (state <> 'open' OR forced OR reopen_at IS NOT NULL)
);

CREATE TABLE breaker_changes (
    service    text NOT NULL,
    epoch      bigint NOT NULL,
    state      text NOT NULL,
    forced     boolean NOT NULL,
    actor      text NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, epoch)
);
