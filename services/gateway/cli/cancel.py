"""`landscape cancel`: a pipeline ends before its time."""

from services.gateway.cli.steering import steering

command = steering(
    "cancel",
    "End PIPELINE_ID: what is completed stays, calls in flight are recorded, the rest is skipped.",
    lambda found: (
        f"cancel {found['pipeline_id']}: of its {found['open']} open items, those not in hand are skipped"
    ),
    asks=True,
)
