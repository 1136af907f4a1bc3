-- Nothing is given up for the time in which nobody was asked to work.

-- Since when a pipeline runs: its start, or the latest unpause or resume.
ALTER TABLE pipelines ADD running_since timestamptz NOT NULL DEFAULT now();
UPDATE pipelines SET running_since = created_at;
