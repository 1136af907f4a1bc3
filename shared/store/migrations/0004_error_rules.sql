-- Error rules as rows that can be edited while workers run, and every attempt that ended in an error.

-- Of a change that is visible no later one has a lower number, and none has the number of another.
CREATE SEQUENCE error_rule_versions;

CREATE TABLE error_categories (
    rule_id      text PRIMARY KEY,
    provider     text NOT NULL,
    service      text NOT NULL,
    ordinal      integer NOT NULL,         -- read in this order, the first that matches wins
    status       smallint,
    code         text,
    pattern      text,
    category     text NOT NULL
        CHECK (category IN ('recoverable', 'throttled', 'quota', 'account', 'degraded', 'non_recoverable')),
    strategy     text NOT NULL CHECK (strategy IN ('exponential', 'linear', 'constant', 'none')),
    attempts     smallint NOT NULL CHECK (attempts >= 1),
    base_seconds double precision NOT NULL CHECK (base_seconds >= 0),
    cap_seconds  double precision NOT NULL,
    until        text CHECK (until = 'midnight_pacific'),
    whole        boolean NOT NULL,
    trips        boolean NOT NULL,
    alert        boolean NOT NULL,
    dead_letter  boolean NOT NULL,
    enabled      boolean NOT NULL,
    declared     boolean NOT NULL,         -- as its provider declares it; an edit makes it false
    declaration  jsonb,                    -- what the provider declares; null: somebody added the rule
    version      bigint NOT NULL DEFAULT nextval('error_rule_versions'),
    changed_by   text NOT NULL,
    reason       text NOT NULL,
    changed_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (cap_seconds >= base_seconds),
    CHECK (declaration IS NOT NULL OR NOT declared)
);

CREATE TABLE error_bodies (
    body_id uuid PRIMARY KEY,              -- hash of the body
    body    text NOT NULL                  -- the start of it, which is what rules look at
);

CREATE TABLE retry_history (
    pipeline_id   uuid NOT NULL,
    item_id       bigint NOT NULL,
    phase         text NOT NULL,
    attempt       smallint NOT NULL,       -- from 1; again from 1 when an item was set back
    category      text NOT NULL,
    kind          text,                    -- of the provider's error; null: no answer of a provider was the reason
    status        smallint,
    codes         text[] NOT NULL,
    error         text NOT NULL,
    body_id       uuid,
    delay_seconds double precision,
    next_at       timestamptz,             -- null: this was the last attempt
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    CHECK ((delay_seconds IS NULL) = (next_at IS NULL))
);
CREATE INDEX retry_history_item ON retry_history (pipeline_id, item_id);
CREATE INDEX retry_history_recorded ON retry_history USING brin (recorded_at);
