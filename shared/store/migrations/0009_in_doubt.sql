-- Calls in doubt: what they were to buy, and what an operator decided.

ALTER TABLE provider_calls
    ADD fact_keys uuid[],                      -- what it is about to buy; null once it is known what became of it
    ADD decision  text CHECK (decision IN ('rebuy', 'charged', 'not_charged'));

-- Facts of which a purchase is in doubt, until they are bought or somebody decides. A table of its own: an index on
-- what changes of a call would cost every call.
CREATE TABLE doubted_facts (
    fact_key uuid NOT NULL,
    call_id  uuid NOT NULL,
    PRIMARY KEY (fact_key, call_id)
);
CREATE INDEX doubted_facts_call ON doubted_facts (call_id);

ALTER TABLE pipeline_actions DROP CONSTRAINT pipeline_actions_action_check;
ALTER TABLE pipeline_actions ADD CONSTRAINT pipeline_actions_action_check CHECK (
    action IN ('pause', 'unpause', 'cancel', 'resume', 'takeover', 'checkpoint', 'rewind', 'budget', 'decide'));
