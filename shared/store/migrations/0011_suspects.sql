-- Items whose workers died are tried again in ever smaller chunks, instead of each by itself from the second time on.

-- 0: as many as any; else an item is a suspect, and its next job holds at most so many and has its worker to itself.
ALTER TABLE pipeline_state ADD chunk integer NOT NULL DEFAULT 0;
ALTER TABLE ready ADD chunk integer NOT NULL DEFAULT 0;
ALTER TABLE job_queue ADD chunk integer NOT NULL DEFAULT 0;
UPDATE pipeline_state SET chunk = 1 WHERE crashes > 1;
UPDATE ready SET chunk = 1 WHERE alone;
DROP INDEX ready_next;
ALTER TABLE ready DROP COLUMN alone;
CREATE INDEX ready_next ON ready (phase, pipeline_id, batch_key, chunk, value DESC, due_at, item_id);
