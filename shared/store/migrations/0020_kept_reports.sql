-- Reports as they were computed, so that nobody waits for the same one twice. Whatever is lost here is computed again.

CREATE TABLE kept_reports (
    pipeline_id uuid NOT NULL,
    variant     text NOT NULL,                    -- hash of what was asked for and said, and of the code that answers
    basis       text NOT NULL,                    -- hash of how far the pipeline had come
    made_at     timestamptz NOT NULL,
    seconds     float8 NOT NULL,                  -- that it took
    PRIMARY KEY (pipeline_id, variant)
);

CREATE TABLE kept_report_parts (
    pipeline_id uuid NOT NULL,
    variant     text NOT NULL,
    part        text NOT NULL,                    -- a table of the report, its head, or its page
    content     bytea NOT NULL,                   -- compressed
    PRIMARY KEY (pipeline_id, variant, part)
);
ALTER TABLE kept_report_parts ALTER COLUMN content SET STORAGE EXTERNAL;
