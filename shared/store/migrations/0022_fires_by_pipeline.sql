-- Which fire started a pipeline is asked for with every look at it.

CREATE INDEX schedule_fires_pipeline ON schedule_fires (pipeline_id) WHERE pipeline_id IS NOT NULL;
