-- Steering: pause, cancel, resume and rewind by an operator, and the positions that can be rewound to.

-- Cancelled, and what it had open is not all skipped yet.
ALTER TABLE pipelines ADD unsettled boolean NOT NULL DEFAULT false;
-- Items completed between two checkpoints; null: none are written.
ALTER TABLE pipelines ADD checkpoint_interval integer DEFAULT 100 CHECK (checkpoint_interval > 0);
CREATE INDEX pipelines_unsettled ON pipelines (pipeline_id) WHERE unsettled;

-- Who did what to a pipeline, and why.
CREATE TABLE pipeline_actions (
    action_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline_id uuid NOT NULL,
    action      text NOT NULL CHECK (action IN ('pause', 'unpause', 'cancel', 'resume', 'takeover', 'checkpoint', 'rewind')),
    actor       text NOT NULL,
    reason      text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}',      -- what it came to
    done_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pipeline_actions_pipeline ON pipeline_actions (pipeline_id, action_id);

-- Which transaction recorded a result: a snapshot tells exactly which results there were at its moment. A clock
-- would not, for transactions become visible in another order than they began.
ALTER TABLE results ADD recorded_in xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX results_recorded ON results (pipeline_id, recorded_in);

CREATE TABLE pipeline_checkpoints (
    checkpoint_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline_id   uuid NOT NULL,
    name          text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('interval', 'phase', 'named')),
    phase         text,                           -- that ended
    position      pg_snapshot NOT NULL,           -- a result is before it if recorded_in is visible in it
    completed     bigint NOT NULL,                -- items, without closing phases
    counts        jsonb NOT NULL,                 -- phase -> state -> items
    config_hash   text NOT NULL,
    content       bit(128) NOT NULL,              -- exclusive or over the results before it, see result_contents
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pipeline_id, name),
    CHECK ((phase IS NOT NULL) = (kind = 'phase'))
);

-- What a result says, as a number: the same in every pipeline that found the same. Not who bought it, and when.
CREATE VIEW result_contents AS
SELECT r.pipeline_id, r.item_id, r.phase, r.recorded_in,
       ('x' || md5(jsonb_build_array(i.phase, i.key, r.payload, k.ranked)::text))::bit(128) AS content
FROM results r
JOIN items i ON i.pipeline_id = r.pipeline_id AND i.item_id = r.item_id
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(position, url, domain, title, snippet, source, published, length) ORDER BY ordinal) AS ranked
    FROM rankings WHERE pipeline_id = r.pipeline_id AND item_id = r.item_id
) k;
