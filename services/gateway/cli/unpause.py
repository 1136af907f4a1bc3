"""`landscape unpause`: a paused pipeline goes on."""

from services.gateway.cli.steering import steering

command = steering(
    "unpause",
    "Go on with PIPELINE_ID after a pause.",
    lambda found: f"go on with {found['pipeline_id']}, with {found['open']} items open",
)
