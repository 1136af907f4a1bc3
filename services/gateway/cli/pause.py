"""`landscape pause`: a pipeline starts no more calls for now."""

from services.gateway.cli.steering import steering

command = steering(
    "pause",
    "Start no more calls of PIPELINE_ID; those in flight end and are recorded.",
    lambda found: f"pause {found['pipeline_id']}, with {found['open']} items open",
)
