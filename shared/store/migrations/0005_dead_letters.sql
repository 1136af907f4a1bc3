-- Dead letters: jobs of one item that was given up, kept until somebody replays or discards them.

ALTER TABLE job_queue
    DROP CONSTRAINT job_queue_state_check,
    DROP CONSTRAINT job_queue_check1,
    ADD CONSTRAINT job_queue_state_check CHECK (state IN (
        'pending', 'dispatched', 'processing', 'completed', 'expired', 'dead_letter', 'replayed', 'discarded')),
    ADD CONSTRAINT job_queue_ended_check
        CHECK ((ended_at IS NOT NULL) = (state NOT IN ('pending', 'dispatched', 'processing'))),
    -- Of a dead letter, and kept when it is replayed or discarded.
    ADD fingerprint    text,                      -- the same for errors of one cause
    ADD error_category text,
    ADD last_error     text,
    ADD attempts       smallint,
    ADD crashes        smallint,
    ADD actions        bigint[],                  -- of item_actions, oldest first
    ADD CHECK ((fingerprint IS NOT NULL) = (state IN ('dead_letter', 'replayed', 'discarded'))),
    ADD CHECK (fingerprint IS NULL OR cardinality(item_ids) = 1);

-- An item has at most one letter that is open.
CREATE UNIQUE INDEX job_queue_dead_item ON job_queue ((item_ids[1])) WHERE state = 'dead_letter';
CREATE INDEX job_queue_dead ON job_queue (queue_name, job_id) WHERE state = 'dead_letter';
CREATE INDEX job_queue_letters ON job_queue (job_id) WHERE fingerprint IS NOT NULL;

-- Raised whenever ended items are put back: who was about to end the pipeline then finds that it may not.
ALTER TABLE pipelines ADD reopened integer NOT NULL DEFAULT 0;

-- What operators did to items: who, why, and to how many.
CREATE TABLE item_actions (
    action_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verb        text NOT NULL CHECK (verb IN ('replay', 'discard', 'edit', 'retry_failed')),
    actor       text NOT NULL,
    reason      text NOT NULL,
    selection   jsonb NOT NULL,                   -- what was asked for
    items       integer NOT NULL,
    detail      jsonb,                            -- of an edit: the input before and after
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- Items that were given up before there were dead letters.
INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, ended_at,
                       fingerprint, error_category, last_error, attempts, crashes)
SELECT s.pipeline_id, j.queue_name, j.job_type, ARRAY[s.item_id], 'dead_letter', s.updated_at,
       'unsorted', s.error_category, coalesce(s.last_error, ''), s.attempts, s.crashes
FROM pipeline_state s JOIN job_queue j ON j.job_id = s.job_id
WHERE s.state = 'failed' AND s.error_category IN ('recoverable', 'degraded', 'crash');
