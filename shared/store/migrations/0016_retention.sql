-- What is kept for a time only: events that still guard against a second telling, and bodies that nobody reads.

-- Events before this place count as gone, also those that stay because their pipeline is open and `once` must hold.
ALTER TABLE event_feed ADD first_seq bigint NOT NULL DEFAULT 1;
UPDATE event_feed SET first_seq = coalesce((SELECT min(seq) FROM events), last_seq + 1);
CREATE INDEX events_guarding ON events (pipeline_id) WHERE once IS NOT NULL;

-- When an attempt referred to it for the last time, to the hour.
ALTER TABLE error_bodies ADD seen_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX error_bodies_by_age ON error_bodies (seen_at);
CREATE INDEX retry_history_body ON retry_history (body_id) WHERE body_id IS NOT NULL;
