-- The API's own record: who may ask, what was asked for, and answers that may be asked for again.

CREATE TABLE api_keys (
    key_id       uuid PRIMARY KEY,
    name         text NOT NULL,
    role         text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    scopes       text[],                          -- of the role's, those it may use; null: all of them
    digest       bytea NOT NULL,                  -- SHA-256 of the key, which is nowhere
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,                     -- null: when it is revoked
    last_used_at timestamptz,                     -- to the minute
    revoked_at   timestamptz
);

-- Every write that was asked of the API, from before it was begun.
CREATE TABLE audit_log (
    entry_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,                     -- as the request names it
    key_id     uuid,                              -- as it was proven; null: the installation's token
    key_name   text NOT NULL,
    operation  text NOT NULL,
    path       text NOT NULL,
    reason     text NOT NULL,
    request_id text NOT NULL,
    status     smallint                           -- of the answer; null: the gateway died before there was one
);
CREATE INDEX audit_log_by_age ON audit_log (asked_at);

-- Answers to requests with an Idempotency-Key, written with what they tell of.
CREATE TABLE idempotency_keys (
    asker      text NOT NULL,                     -- the API key's id, or that of the token
    path       text NOT NULL,
    key        text NOT NULL,
    body       bytea NOT NULL,                    -- SHA-256 of the request's
    status     smallint,                          -- null only inside the transaction that makes it
    location   text,
    answer     bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asker, path, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What has happened, told in the transaction that made it so. Transactions end in another order than they began: an
-- event gets its place, by which everybody reads, only when it can be seen by everybody.
CREATE TABLE events (
    event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq         bigint UNIQUE,                    -- its place; without gaps; null: not yet
    name        text NOT NULL,
    pipeline_id uuid,
    service     text,
    data        jsonb NOT NULL,
    once        text UNIQUE,                      -- the same thing is not told again while this stands
    happened_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_without_place ON events (event_id) WHERE seq IS NULL;

-- The newest place. Whoever gives places holds this row until what he gave can be seen.
CREATE TABLE event_feed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_seq bigint NOT NULL DEFAULT 0
);
INSERT INTO event_feed DEFAULT VALUES;

-- Who wants to be told of events over HTTP.
CREATE TABLE webhooks (
    webhook_id      uuid PRIMARY KEY,
    url             text NOT NULL,
    secret          text NOT NULL,                -- signs what is sent; told once
    events          text[],                       -- names; null: all
    after_seq       bigint NOT NULL,              -- events up to this place have their deliveries
    created_at      timestamptz NOT NULL DEFAULT now(),
    failures        integer NOT NULL DEFAULT 0,   -- of the receiver as a whole, in a row
    failing_since   timestamptz,
    next_at         timestamptz NOT NULL DEFAULT now(),  -- nothing is sent before
    disabled_at     timestamptz,
    disabled_reason text
);

-- What each of them is to be sent, and what became of it.
CREATE TABLE webhook_deliveries (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id  uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    seq         bigint,                           -- the event's place; null: a test
    name        text NOT NULL,
    body        text NOT NULL,                    -- the same in every attempt
    state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts    integer NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL DEFAULT now(),
    status      smallint,                         -- of the last answer
    error       text,                             -- why the last attempt failed
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    UNIQUE (webhook_id, seq)
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, delivery_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
