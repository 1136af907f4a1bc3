-- What six providers need: items by value, caps, waits that come to an end.

ALTER TABLE pipelines
    ADD give_up_after_seconds double precision NOT NULL DEFAULT 86400,
    ADD item_caps jsonb NOT NULL DEFAULT '{}';         -- phase -> most items that are worked on

ALTER TABLE items ADD value real NOT NULL DEFAULT 0;   -- what is worth more is worked on first
ALTER TABLE ready ADD value real NOT NULL DEFAULT 0;
DROP INDEX ready_next;
CREATE INDEX ready_next ON ready (phase, pipeline_id, batch_key, alone, value DESC, due_at, item_id);

-- Since when an item has only waited: a wait that follows a wait keeps it.
ALTER TABLE pipeline_state ADD waiting_since timestamptz;
ALTER TABLE waiting ADD since timestamptz NOT NULL DEFAULT now();
