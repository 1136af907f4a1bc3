-- What is started again and again: templates, when they are started by themselves, and what came of each time.

CREATE TABLE templates (
    template_id uuid PRIMARY KEY,
    name        text NOT NULL,
    body        jsonb NOT NULL,                   -- of a start, as it was given
    company     text NOT NULL,                    -- what lists tell of the body, which may be large
    keywords    integer NOT NULL,
    regions     text[] NOT NULL,
    searches    integer NOT NULL,
    version     integer NOT NULL DEFAULT 1,       -- one more with every edit
    created_at  timestamptz NOT NULL DEFAULT now(),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    changed_by  text NOT NULL
);
CREATE UNIQUE INDEX templates_by_name ON templates (lower(name));

CREATE TABLE schedules (
    schedule_id   uuid PRIMARY KEY,
    template_id   uuid NOT NULL REFERENCES templates,
    name          text NOT NULL,
    cron          text NOT NULL,
    time_zone     text NOT NULL,
    overlap       text NOT NULL CHECK (overlap IN ('skip', 'allow', 'cancel_previous')),
    next_fire_at  timestamptz,                    -- null: it is paused, or never comes again
    paused_at     timestamptz,
    paused_by     text,
    paused_reason text,
    version       integer NOT NULL DEFAULT 1,     -- one more with every edit
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    changed_by    text NOT NULL
);
CREATE INDEX schedules_due ON schedules (next_fire_at) WHERE next_fire_at IS NOT NULL;
CREATE INDEX schedules_template ON schedules (template_id);

-- Written in the transaction that begins the pipeline and moves next_fire_at.
CREATE TABLE schedule_fires (
    fire_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id      uuid NOT NULL REFERENCES schedules ON DELETE CASCADE,
    due_at           timestamptz,                 -- null: somebody had it run
    fired_at         timestamptz NOT NULL DEFAULT now(),
    actor            text NOT NULL,
    template_version integer NOT NULL,
    outcome          text NOT NULL CHECK (outcome IN ('started', 'skipped', 'refused')),
    reason           text NOT NULL,               -- why nothing was started
    pipeline_id      uuid CHECK ((outcome = 'started') = (pipeline_id IS NOT NULL)),
    cancelled        uuid[] NOT NULL,             -- earlier pipelines that it took the place of
    UNIQUE (schedule_id, due_at)                  -- a moment fires once
);
CREATE INDEX schedule_fires_newest ON schedule_fires (schedule_id, fire_id);
CREATE INDEX schedule_fires_by_age ON schedule_fires (fired_at);
