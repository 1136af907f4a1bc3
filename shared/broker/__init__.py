"""Redis and Dramatiq, disposable: messages that say "this job is ready", and the gate's short memory."""
