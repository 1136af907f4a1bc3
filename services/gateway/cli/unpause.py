"""`landscape unpause`: a paused pipeline goes on."""

from services.gateway.cli.steering import steering

command = steering("unpause", "Go on with PIPELINE_ID after a pause.")
